#!/usr/bin/env bash
# The toy scenes from boxes, CPU or GPU: seeds from class activation maps within the boxes, then all stages.
#   source bashscripts/toy/train_spml_box.sh     (settings: bashscripts/lib.sh, bashscripts/toy/data.sh)
(
  [ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@"
  . "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
  . bashscripts/stages.sh
  KIND=box
  . bashscripts/toy/data.sh
  TRAIN_LIST=$TRUTH_LIST
  own_cams
  seeds_from_cams --box_dir "$DATA/VOC2012/Annotations" --class_names "$DATA/classes.txt"
  from_weak_labels
  weak_baseline seeds "${WEAK[@]}"
  full_baseline
  summary "toy val, from boxes"
  pictures
)
