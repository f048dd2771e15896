# The data of the toy recipes. A recipe sets KIND (tag, box, scribble, point, parts) and sources this.
# The user may set DATA, OUT (results), and MAKE_TOY="--num_train 8 --num_val 4" for another set.

OUT=${OUT:-snapshots/toy/$KIND} GRID=8,8 CONFIG=configs/toy/$KIND.yaml
if [[ $KIND == parts ]]; then
  DATA=${DATA:-data/toy_parts} TRUTH_DIR=segcls/full CLASSES=7 SCRIPT=train_densepose TRAIN_KIND=point
  CLASSIFIER=configs/toy/parts_classifier.yaml BASELINE=configs/toy/parts_cross_entropy.yaml
  MAKE_TOY="--kind parts ${MAKE_TOY-}"
else
  DATA=${DATA:-data/toy} TRUTH_DIR=VOC2012/segcls CLASSES=6 SCRIPT=train TRAIN_KIND=$KIND
  CLASSIFIER=configs/toy/classifier.yaml BASELINE=configs/toy/cross_entropy.yaml
  CAM_CONFIG=configs/toy/cam.yaml TAGS=$DATA/tags.txt
fi
TRUTH=$DATA/$TRUTH_DIR
TRAIN_LIST=$DATA/lists/train_$TRAIN_KIND.txt TRUTH_LIST=$DATA/lists/train_full.txt VAL_LIST=$DATA/lists/val.txt

again data
stage data run pyscripts/data/make_toy.py --save_dir "$DATA" ${MAKE_TOY-}

weak_baseline() {  # weak_baseline WHAT [FLAGS...]: the same network by cross-entropy alone, on WHAT the recipe starts from
  local labels=$1
  shift
  baseline weak_only "$TRAIN_LIST" "$@"
  ROWS+=("weak_only=cross-entropy on the $labels alone")
}

full_baseline() {  # and on full masks, the ceiling
  baseline full "$TRUTH_LIST"
  ROWS+=("full=cross-entropy on full masks")
}

baseline() {  # baseline NAME LIST [FLAGS...]
  local name=$1 list=$2
  shift 2
  stage "$name" train "$SCRIPT" "$BASELINE" "$OUT/$name" "$list" "$@"
  stage "masks_$name" segment "$name" inference_softmax "$BASELINE" "$OUT/$name"
}

pictures() {  # pictures [TITLE=DIR]: a contact sheet of the validation images: the weak labels, and the masks of each way
  local columns=("$@" "cross-entropy=$OUT/val/weak_only/semantic_gray" "stage 1=$OUT/val/softmax/semantic_gray")
  columns+=("final=$OUT/val/final/semantic_gray" "final + CRF=$OUT/val/final_msc_crf/semantic_gray")
  [[ -d $OUT/val/full ]] && columns+=("full masks=$OUT/val/full/semantic_gray")
  run pyscripts/benchmark/contact_sheet.py --data_dir "$DATA" --data_list "$VAL_LIST" --save "$OUT/contact_sheet.png" \
    --columns "${columns[@]}" || exit
}
