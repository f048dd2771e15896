# Where the VOC recipes find their data. A recipe sets KIND (tag, box, scribble, point) and sources this.
# The user sets DATAROOT, and may set LISTS (data lists), OUT (results), SPLIT=test (masks for the VOC server, no scores),
# and for tags and boxes CAMS (class activation maps of another project, ID.npy).

if [[ -z ${DATAROOT-} ]]; then
  echo "DATAROOT is not set: name the folder that holds VOC2012 (README, 'Data preparation'), as in" >&2
  echo "  DATAROOT=/data source bashscripts/voc12/train_spml_$KIND.sh" >&2
  exit 1
fi
DATA=$DATAROOT LISTS=${LISTS:-$DATAROOT/lists} OUT=${OUT:-snapshots/voc12/$KIND}
TRUTH=$DATAROOT/VOC2012/segcls CLASSES=21 GRID=12,12
CONFIG=configs/voc12/$KIND.yaml CLASSIFIER=configs/voc12/classifier.yaml
TRAIN_LIST=$LISTS/train_$KIND.txt TRUTH_LIST=$LISTS/train_full.txt VAL_LIST=$LISTS/val.txt

# Tags and boxes: seeds that lie in the data root are used; where there are none, the recipe makes them from the maps.
case $KIND in
  tag) SEEDS=$DATAROOT/VOC2012/cam/seam_a6_th0.2 LABELS=tag ;;
  box) SEEDS=$DATAROOT/VOC2012/cam/seambox_a6_th0.5 LABELS=box ;;
  *) SEEDS= LABELS=$KIND ;;
esac
if [[ -n $SEEDS && ! -d $SEEDS ]]; then SEEDS= LABELS= TRAIN_LIST=$TRUTH_LIST; fi

again lists
stage lists run pyscripts/data/voc_lists.py --data_dir "$DATA" --save_dir "$LISTS" --kinds full $LABELS --check

voc_cams() {  # sets CAMS, to our own maps unless the user named some
  if [[ -n ${CAMS-} ]]; then
    again cam_files
    stage cam_files  find_cams
    return
  fi
  TAGS=$OUT/tags.txt CAM_CONFIG=configs/voc12/cam.yaml
  stage tags run pyscripts/data/image_tags.py --xml_dir "$DATA/VOC2012/Annotations" --save_path "$TAGS"
  own_cams
}

find_cams() {  # whether CAMS holds the maps of all training images
  local image rest name missing=()
  while read -r image rest; do
    name=${image##*/}
    [[ -f $CAMS/${name%.*}.npy ]] || missing+=("${name%.*}.npy")
  done <"$TRAIN_LIST"
  ((${#missing[@]} == 0)) || { echo "CAMS=$CAMS: ${missing[0]} and $((${#missing[@]} - 1)) more not found" >&2; return 1; }
}

case ${SPLIT:-val} in
  val | test) ;;
  *) echo "SPLIT=$SPLIT: expected val or test" >&2; exit 1 ;;
esac
if [[ ${SPLIT:-val} == test && -z ${LIST_STAGES-} ]]; then
  VAL_LIST=$LISTS/test.txt
  segment() {  # masks of the test images, for the server: there is no truth to score them with
    local name=$1 script=$2 config=$3 snapshots=$4
    shift 4
    infer "$script" "$config" "$snapshots" "$VAL_LIST" "$OUT/test/$name" "$@" &&
      run pyscripts/benchmark/voc_submission.py --pred_dir "$OUT/test/$name/semantic_gray" --data_list "$VAL_LIST" \
        --save_dir "$OUT/test/$name/submission"
  }
  stage() {  # only the last masks are made, each time
    case $1 in final*) echo "== $1, test" && shift && { "$@" || exit; } ;; esac
  }
  summary() { echo "masks for the VOC server: $OUT/test/*/submission"; }
fi
