#!/usr/bin/env bash
# VOC 2012 from image tags: two rounds of pseudo labels from class activation maps, and score them all.
#   DATAROOT=/data source bashscripts/voc12/train_spml_tag.sh     (settings: bashscripts/lib.sh)
# With CAMS=DIR, class activation maps of another project (ID.npy) take the place of our own.
(
  [ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@"
  . "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
  . bashscripts/stages.sh
  KIND=tag
  . bashscripts/voc12/data.sh
  voc_cams
  [[ -n $SEEDS ]] || seeds_from_cams
  from_tags
  summary "VOC 2012 val, from image tags" "published, val / test=69.5 / 71.6"
)
