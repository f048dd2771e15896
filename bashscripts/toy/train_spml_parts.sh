#!/usr/bin/env bash
# The toy figures, left and right parts from one point a part, CPU or GPU: the DensePose recipe with and without feature affinity.
#   source bashscripts/toy/train_spml_parts.sh     (settings: bashscripts/lib.sh; DATA, OUT, MAKE_TOY as in toy/data.sh)
(
  [ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@"
  . "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
  . bashscripts/stages.sh
  DATA=${DATA:-data/toy_parts} OUT=${OUT:-snapshots/toy/parts}
  TRUTH=$DATA/segcls/full CLASSES=7 GRID=8,8
  CONFIG=configs/toy/parts.yaml CLASSIFIER=configs/toy/parts_classifier.yaml
  TRAIN_LIST=$DATA/lists/train_point.txt TRUTH_LIST=$DATA/lists/train_full.txt VAL_LIST=$DATA/lists/val.txt
  stage data run pyscripts/data/make_toy.py --kind parts --save_dir "$DATA" ${MAKE_TOY-}
  from_parts
  stage final_instances    score_instances final_msc_crf_instances "$OUT/val/final_msc_crf" "$VAL_LIST" "$DATA/instances"
  ROWS+=("final_msc_crf_instances=the same by instances: each part of each figure counts the same")
  stage no_affinity        train train_densepose "$CONFIG" "$OUT/no_affinity" "$TRAIN_LIST" --opts train.feat_aff_loss_types none
  stage masks_no_affinity  segment no_affinity inference_softmax "$CONFIG" "$OUT/no_affinity"
  ROWS+=("no_affinity=stage 1 without feature affinity, classifier beside the embedding")
  stage points_only        train train_densepose configs/toy/parts_cross_entropy.yaml "$OUT/points_only" "$TRAIN_LIST"
  stage masks_points_only  segment points_only inference_softmax configs/toy/parts_cross_entropy.yaml "$OUT/points_only"
  ROWS+=("points_only=cross-entropy on the points alone")
  summary "toy figures val, from points"
)
