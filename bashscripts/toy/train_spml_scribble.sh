#!/usr/bin/env bash
# The toy scenes from scribbles, CPU or GPU: embedding, pseudo labels, classifier, and what one would do without this method.
#   source bashscripts/toy/train_spml_scribble.sh     (settings: bashscripts/lib.sh, bashscripts/toy/data.sh)
(
  [ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@"
  . "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
  . bashscripts/stages.sh
  KIND=scribble
  . bashscripts/toy/data.sh
  from_weak_labels
  baseline weak_only "$TRAIN_LIST"
  baseline full "$TRUTH_LIST"
  summary "toy val, from scribbles" "pseudo_softmaxrw=pseudo labels of the training images" \
    "weak_only=cross-entropy on the scribbles alone" "full=cross-entropy on full masks"
  pictures "scribbles=$DATA/VOC2012/scribble/dilate_3" "$KIND only=$OUT/val/weak_only/semantic_gray" "stage 1=$OUT/val/softmax/semantic_gray" \
    "final=$OUT/val/final/semantic_gray" "final + CRF=$OUT/val/final_msc_crf/semantic_gray" "full masks=$OUT/val/full/semantic_gray"
)
