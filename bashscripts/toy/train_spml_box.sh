#!/usr/bin/env bash
# The toy scenes from boxes, CPU or GPU: seeds from class activation maps within the boxes, then all stages.
#   source bashscripts/toy/train_spml_box.sh     (settings: docs/recipes.md)
(
  \export FROM TO FORCE LIST OUT OPTS NPROC DATA DATAROOT LISTS CAMS SPLIT MAKE_TOY
  [ -z "${ZSH_VERSION-}" ] || \eval 'BASH_SOURCE=${(%):-%x}'
  recipe=$(\command dirname -- "${BASH_SOURCE:-$0}")/../recipe.sh
  [ -f "$recipe" ] || { \echo 'error: sourced by neither bash nor zsh; run instead: bash bashscripts/toy/train_spml_box.sh' >&2; \exit 1; }
  \command bash -- "$recipe" toy box
)
