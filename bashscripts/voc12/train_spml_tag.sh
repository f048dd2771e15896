#!/usr/bin/env bash
# VOC 2012 from image tags: two rounds of pseudo labels from class activation maps (CAMS=DIR: of another project).
#   DATAROOT=/data source bashscripts/voc12/train_spml_tag.sh     (settings: docs/recipes.md)
(
  \export FROM TO FORCE LIST OUT OPTS NPROC DATA DATAROOT LISTS CAMS SPLIT MAKE_TOY
  [ -z "${ZSH_VERSION-}" ] || \eval 'BASH_SOURCE=${(%):-%x}'
  recipe=$(\command dirname -- "${BASH_SOURCE:-$0}")/../recipe.sh
  [ -f "$recipe" ] || { \echo 'error: sourced by neither bash nor zsh; run instead: bash bashscripts/voc12/train_spml_tag.sh' >&2; \exit 1; }
  \command bash -- "$recipe" voc12 tag
)
