#!/usr/bin/env bash
# VOC 2012 from image tags: two rounds of pseudo labels from class activation maps, and score them all.
#   DATAROOT=/data source bashscripts/voc12/train_spml_tag.sh     (settings: bashscripts/lib.sh)
# With CAMS=DIR, class activation maps of another project are used (ID.npy) and seeds in VOC2012/cam/seam_a6_th0.2.
(
  [ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@"
  . "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
  . bashscripts/stages.sh
  KIND=tag
  . bashscripts/voc12/data.sh
  if [[ -z ${CAMS-} ]]; then
    stage tags run pyscripts/data/image_tags.py --xml_dir "$DATA/VOC2012/Annotations" --save_path "$TAGS"
    own_cams
    seeds_from_cams
  fi
  from_tags
  summary "VOC 2012 val, from image tags" "pseudo_camrw=pseudo labels, CAM walk + CRF" "pseudo_retrieved=pseudo labels, retrieved" "pseudo_retrieved_2=pseudo labels, second round" -- "published, val / test=69.5 / 71.6"
)
