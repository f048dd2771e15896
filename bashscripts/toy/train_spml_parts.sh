#!/usr/bin/env bash
# The toy figures, left and right parts from points, CPU or GPU: the DensePose recipe with and without feature affinity.
#   source bashscripts/toy/train_spml_parts.sh     (settings: docs/recipes.md)
(
  \export FROM TO FORCE LIST OUT OPTS NPROC DATA DATAROOT LISTS CAMS SPLIT MAKE_TOY
  [ -z "${ZSH_VERSION-}" ] || \eval 'BASH_SOURCE=${(%):-%x}'
  recipe=$(\command dirname -- "${BASH_SOURCE:-$0}")/../recipe.sh
  [ -f "$recipe" ] || { \echo 'error: sourced by neither bash nor zsh; run instead: bash bashscripts/toy/train_spml_parts.sh' >&2; \exit 1; }
  \command bash -- "$recipe" toy parts
)
