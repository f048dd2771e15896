#!/usr/bin/env bash
# MSRC-21 from boxes: seeds of their regions, stage 1, pseudo labels, second stage, and its rivals.
#   DATAROOT=raw source bashscripts/msrc21/train_spml_box.sh     (settings: docs/recipes.md)
(
  \export FROM TO FORCE LIST OUT OPTS NPROC DATA DATAROOT CONFIG CONTOURS BASELINES SPLIT
  [ -z "${ZSH_VERSION-}" ] || \eval 'BASH_SOURCE=${(%):-%x}'
  recipe=$(\command dirname -- "${BASH_SOURCE:-$0}")/../recipe.sh
  [ -f "$recipe" ] || { \echo 'error: sourced by neither bash nor zsh; run instead: bash bashscripts/msrc21/train_spml_box.sh' >&2; \exit 1; }
  \command bash -- "$recipe" msrc21 box
)
