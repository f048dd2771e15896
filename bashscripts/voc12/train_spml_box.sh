#!/usr/bin/env bash
# VOC 2012 from boxes: train the embedding, pseudo labels, the classifier, and score them all.
#   DATAROOT=/data source bashscripts/voc12/train_spml_box.sh     (settings: bashscripts/lib.sh)
# Where DATAROOT holds no box seeds, they are made from CAMS=DIR, class activation maps (ID.npy), or from our own.
(
  [ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@"
  . "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
  . bashscripts/stages.sh
  KIND=box
  . bashscripts/voc12/data.sh
  [[ -n $SEEDS ]] || { voc_cams; seeds_from_cams --box_dir "$DATA/VOC2012/Annotations"; }
  from_weak_labels
  summary "VOC 2012 val, from boxes" "published, val / test=73.5 / 74.7"
)
