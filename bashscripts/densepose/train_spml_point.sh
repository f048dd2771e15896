#!/usr/bin/env bash
# DensePose, fifteen body parts from points: embedding, pseudo labels, classifier, and score them all.
#   DATAROOT=/data source bashscripts/densepose/train_spml_point.sh     (settings: docs/recipes.md)
(
  \export FROM TO FORCE LIST OUT OPTS NPROC DATA DATAROOT LISTS CAMS SPLIT MAKE_TOY
  [ -z "${ZSH_VERSION-}" ] || \eval 'BASH_SOURCE=${(%):-%x}'
  \command bash -- "$(\command dirname -- "${BASH_SOURCE:-$0}")/../recipe.sh" densepose point
)
