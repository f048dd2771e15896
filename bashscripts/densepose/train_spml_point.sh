#!/usr/bin/env bash
# DensePose, fifteen body parts from points: embedding, pseudo labels, classifier, and score them all.
#   DATAROOT=/data source bashscripts/densepose/train_spml_point.sh     (settings: bashscripts/lib.sh)
(
  [ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@"
  . "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
  . bashscripts/stages.sh
  if [[ -z ${DATAROOT-} ]]; then
    echo "DATAROOT is not set: name the folder that holds images/train2014 and segcls (README, 'Data preparation')" >&2
    exit 1
  fi
  DATA=$DATAROOT LISTS=${LISTS:-$DATAROOT/lists} OUT=${OUT:-snapshots/densepose/point}
  TRUTH=$DATAROOT/segcls/densepose/gray CLASSES=15 GRID=24,24
  CONFIG=configs/densepose/point.yaml CLASSIFIER=configs/densepose/classifier.yaml
  TRAIN_LIST=$LISTS/train2014_point.txt TRUTH_LIST=$LISTS/train2014_full_subset.txt VAL_LIST=$LISTS/minival2014.txt
  again lists
  stage lists run pyscripts/data/densepose_lists.py --data_dir "$DATA" --save_dir "$LISTS" --splits train2014 minival2014 --check
  from_parts
  summary "DensePose minival2014, from points" "published=44.15"
)
