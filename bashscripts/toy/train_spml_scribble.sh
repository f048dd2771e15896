#!/usr/bin/env bash
# The toy scenes from scribbles, CPU or GPU: embedding, pseudo labels, classifier, and what one would do without them.
#   source bashscripts/toy/train_spml_scribble.sh     (settings: docs/recipes.md)
(
  \export FROM TO FORCE LIST OUT OPTS NPROC DATA DATAROOT LISTS CAMS SPLIT MAKE_TOY
  [ -z "${ZSH_VERSION-}" ] || \eval 'BASH_SOURCE=${(%):-%x}'
  recipe=$(\command dirname -- "${BASH_SOURCE:-$0}")/../recipe.sh
  [ -f "$recipe" ] || { \echo 'error: sourced by neither bash nor zsh; run instead: bash bashscripts/toy/train_spml_scribble.sh' >&2; \exit 1; }
  \command bash -- "$recipe" toy scribble
)
