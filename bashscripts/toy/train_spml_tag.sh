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
  baseline weak_only "$TRAIN_LIST" "${WEAK[@]}"
  baseline full "$TRUTH_LIST"
  summary "toy val, from tags" "pseudo_camrw=pseudo labels, CAM walk + CRF" "pseudo_retrieved=pseudo labels, retrieved" \
    "pseudo_retrieved_2=pseudo labels, second round" "weak_only=cross-entropy on the seeds alone" "full=cross-entropy on full masks"
  pictures "$KIND only=$OUT/val/weak_only/semantic_gray" "stage 1=$OUT/val/softmax/semantic_gray" \
    "final=$OUT/val/final/semantic_gray" "final + CRF=$OUT/val/final_msc_crf/semantic_gray" "full masks=$OUT/val/full/semantic_gray"
)
