#!/usr/bin/env bash
# The toy scenes from points, CPU or GPU: embedding, pseudo labels, classifier, and what one would do without this method.
#   source bashscripts/toy/train_spml_point.sh     (settings: bashscripts/lib.sh, bashscripts/toy/data.sh)
(
  [ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@"
  . "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
  . bashscripts/stages.sh
  KIND=point
  . bashscripts/toy/data.sh
  from_weak_labels
  stage retrieval_crf  segment retrieval_crf inference_crf "$CONFIG" "$OUT/embedding" --kmeans_num_clusters "$GRID" \
    --semantic_memory_dir "$OUT/prototypes/semantic_prototype"
  stage softmax_crf    segment softmax_crf inference_softmax_crf "$CONFIG" "$OUT/embedding"
  baseline weak_only "$TRAIN_LIST"
  baseline full "$TRUTH_LIST"
  summary "toy val, from points" "retrieval_crf=stage 1, retrieval + CRF (the same diagnosis)" \
    "softmax_crf=stage 1, classifier + CRF" "pseudo_softmaxrw=pseudo labels of the training images" \
    "weak_only=cross-entropy on the points alone" "full=cross-entropy on full masks"
  pictures "points=$DATA/VOC2012/scribble/dilate_6_0.0" "$KIND only=$OUT/val/weak_only/semantic_gray" "stage 1=$OUT/val/softmax/semantic_gray" \
    "final=$OUT/val/final/semantic_gray" "final + CRF=$OUT/val/final_msc_crf/semantic_gray" "full masks=$OUT/val/full/semantic_gray"
)
