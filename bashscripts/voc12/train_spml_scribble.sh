#!/usr/bin/env bash
# VOC 2012 from scribbles: train the embedding, pseudo labels, the classifier, and score them all.
#   DATAROOT=/data source bashscripts/voc12/train_spml_scribble.sh     (settings: bashscripts/lib.sh)
(
  [ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@"
  . "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
  . bashscripts/stages.sh
  KIND=scribble
  . bashscripts/voc12/data.sh
  from_weak_labels
  summary "VOC 2012 val, from scribbles" "published, val / test=76.1 / 76.4"
)
