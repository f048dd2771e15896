#!/usr/bin/env bash
# VOC 2012 from image tags: two rounds of pseudo labels from class activation maps, and score them all.
#   DATAROOT=/data source bashscripts/voc12/train_spml_tag.sh     (settings: bashscripts/lib.sh)
(
  [ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@"
  . "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
  . bashscripts/stages.sh
  KIND=tag
  CAMS=${CAMS:?name the folder of the CAM files, ID.npy (README, "Class activation maps")}
  . bashscripts/voc12/data.sh
  from_tags
  summary "VOC 2012 val, from image tags" "pseudo_camrw=pseudo labels, CAM walk + CRF" "pseudo_retrieved=pseudo labels, retrieved" "pseudo_retrieved_2=pseudo labels, second round" -- "published, val / test=69.5 / 71.6"
)
