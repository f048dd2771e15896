# The data of the toy recipes on scenes. A recipe sets KIND (tag, box, scribble, point) and sources this.
# The user may set DATA, OUT (results), and MAKE_TOY="--num_train 8 --num_val 4" for another set.

DATA=${DATA:-data/toy} OUT=${OUT:-snapshots/toy/$KIND}
TRUTH=$DATA/VOC2012/segcls CLASSES=6 GRID=8,8
CONFIG=configs/toy/$KIND.yaml CLASSIFIER=configs/toy/classifier.yaml CAM_CONFIG=configs/toy/cam.yaml
TRAIN_LIST=$DATA/lists/train_$KIND.txt TRUTH_LIST=$DATA/lists/train_full.txt VAL_LIST=$DATA/lists/val.txt
TAGS=$DATA/tags.txt

stage data run pyscripts/data/make_toy.py --save_dir "$DATA" ${MAKE_TOY-}

baseline() {  # baseline NAME LIST [FLAGS...]: the same network trained by cross-entropy alone, and its masks and score
  local name=$1 list=$2
  shift 2
  stage "$name" train train configs/toy/cross_entropy.yaml "$OUT/$name" "$list" "$@"
  stage "masks_$name" segment "$name" inference_softmax configs/toy/cross_entropy.yaml "$OUT/$name"
}

pictures() {  # pictures [TITLE=DIR...]: a contact sheet of the validation images beside the masks
  run pyscripts/benchmark/contact_sheet.py --data_dir "$DATA" --data_list "$VAL_LIST" --save "$OUT/contact_sheet.png" \
    --columns "$@" || exit
}
