#!/usr/bin/env bash
# The toy figures, left and right parts from one point a part, CPU or GPU: the DensePose recipe with and without feature affinity.
#   source bashscripts/toy/train_spml_parts.sh     (settings: bashscripts/lib.sh, bashscripts/toy/data.sh)
(
  [ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@"
  . "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
  . bashscripts/stages.sh
  KIND=parts
  . bashscripts/toy/data.sh
  from_parts
  stage final_instances    score_instances final_msc_crf_instances "$OUT/val/final_msc_crf" "$VAL_LIST" "$DATA/instances"
  ROWS+=("final_msc_crf_instances=the same by instances: each part of each figure counts the same")
  stage no_affinity        train "$SCRIPT" "$CONFIG" "$OUT/no_affinity" "$TRAIN_LIST" --opts train.feat_aff_loss_types none
  stage masks_no_affinity  segment no_affinity inference_softmax "$CONFIG" "$OUT/no_affinity"
  ROWS+=("no_affinity=stage 1 without feature affinity, classifier beside the embedding")
  weak_baseline points
  full_baseline
  summary "toy figures val, from points"
  pictures "points=$DATA/segcls/points" "no affinity=$OUT/val/no_affinity/semantic_gray"
)
