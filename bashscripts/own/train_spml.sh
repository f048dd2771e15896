#!/usr/bin/env bash
# Your own photographs, from whatever labels you have to masks: docs/photographs.md.
#   DATAROOT=photos source bashscripts/own/train_spml.sh     (settings: docs/recipes.md)
(
  \export FROM TO FORCE LIST OUT OPTS NPROC DATAROOT LISTS CONFIG CONTOURS BASELINES SPLIT
  [ -z "${ZSH_VERSION-}" ] || \eval 'BASH_SOURCE=${(%):-%x}'
  recipe=$(\command dirname -- "${BASH_SOURCE:-$0}")/../recipe.sh
  [ -f "$recipe" ] || { \echo 'error: sourced by neither bash nor zsh; run instead: bash bashscripts/own/train_spml.sh' >&2; \exit 1; }
  \command bash -- "$recipe" own any
)
