#!/usr/bin/env bash
# VOC 2012 from boxes: train the embedding, pseudo labels, the classifier, and score them all.
#   DATAROOT=/data source bashscripts/voc12/train_spml_box.sh     (settings: bashscripts/lib.sh)
(
  [ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@"
  . "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
  . bashscripts/stages.sh
  KIND=box
  . bashscripts/voc12/data.sh
  from_weak_labels
  summary "VOC 2012 val, from boxes" "pseudo_softmaxrw=pseudo labels of the training images" -- "published, val / test=73.5 / 74.7"
)
