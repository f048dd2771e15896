#!/usr/bin/env bash
# VOC 2012 from boxes: seeds from DATAROOT, CAMS=DIR or our own maps; embedding, pseudo labels, classifier, scores.
#   DATAROOT=/data source bashscripts/voc12/train_spml_box.sh     (settings: docs/recipes.md)
(
  \export FROM TO FORCE LIST OUT OPTS NPROC DATA DATAROOT LISTS CAMS SPLIT MAKE_TOY
  [ -z "${ZSH_VERSION-}" ] || \eval 'BASH_SOURCE=${(%):-%x}'
  recipe=$(\command dirname -- "${BASH_SOURCE:-$0}")/../recipe.sh
  [ -f "$recipe" ] || { \echo 'error: sourced by neither bash nor zsh; run instead: bash bashscripts/voc12/train_spml_box.sh' >&2; \exit 1; }
  \command bash -- "$recipe" voc12 box
)
