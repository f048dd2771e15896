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
  stage softmax_crf    segment softmax_crf inference_softmax_crf "$CONFIG" "$OUT/embedding"
  stage retrieval_crf  segment retrieval_crf inference_crf "$CONFIG" "$OUT/embedding" --kmeans_num_clusters "$GRID" \
    --semantic_memory_dir "$OUT/prototypes/semantic_prototype"
  ROWS+=("softmax_crf=stage 1, classifier + CRF" "retrieval_crf=stage 1, retrieval + CRF (the same diagnosis)")
  weak_baseline points
  full_baseline
  summary "toy val, from points"
  pictures "points=$DATA/VOC2012/scribble/dilate_6_0.0"
)
