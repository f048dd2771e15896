#!/usr/bin/env bash
# The toy scenes from tags, CPU or GPU: class activation maps, two rounds of pseudo labels and classifiers.
#   source bashscripts/toy/train_spml_tag.sh     (settings: bashscripts/lib.sh, bashscripts/toy/data.sh)
(
  [ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@"
  . "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
  . bashscripts/stages.sh
  KIND=tag
  . bashscripts/toy/data.sh
  TRAIN_LIST=$TRUTH_LIST
  own_cams
  seeds_from_cams --class_names "$DATA/classes.txt"
  from_tags
  weak_baseline seeds "${WEAK[@]}"
  summary "toy val, from tags"
  pictures
)
