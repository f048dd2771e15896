# The stages of the recipes, in order. Each line is one stage of bashscripts/lib.sh.
# WEAK holds flags that replace the weak labels of TRAIN_LIST: the seeds of `seeds_from_cams`.
# ROWS are the rows of the table that ends a recipe, NAME=TEXT: the score $OUT/scores/NAME.json and what it is.

WEAK=()
ROWS=()

own_cams() {  # class activation maps of the training images from their tags alone (TAGS, CAM_CONFIG); sets CAMS
  NPROC=1 stage cam_network  train train_cam "$CAM_CONFIG" "$OUT/cam_network" "$TRAIN_LIST" --opts dataset.tags_file "$TAGS"
  stage cams         infer cam "$CAM_CONFIG" "$OUT/cam_network" "$TRAIN_LIST" "$OUT/cams" --opts dataset.tags_file "$TAGS"
  CAMS=$OUT/cams
}

seeds_from_cams() {  # seeds_from_cams [FLAGS...]: seed labels from CAMS, within the boxes of --box_dir where it is given
  stage seeds  make_seeds "$@"
  WEAK=(--semantic_dir "$OUT/pseudo/seeds/semantic_gray")
  ROWS+=("pseudo_seeds=training images: seeds")
}

make_seeds() {
  run pyscripts/data/cam_seeds.py --cam_dir "$CAMS" --save_dir "$OUT/pseudo/seeds/semantic_gray" --skip_existing "$@" &&
    score pseudo_seeds "$OUT/pseudo/seeds" "$TRAIN_LIST"
}

from_weak_labels() {  # boxes, scribbles, points: soft-max random walk + CRF makes the pseudo labels
  stage embedding      train train "$CONFIG" "$OUT/embedding" "$TRAIN_LIST" ${WEAK[@]+"${WEAK[@]}"}
  diagnose_embedding
  stage pseudo_labels  pseudo_labels softmaxrw pseudo_softmaxrw_crf "$CONFIG" "$OUT/embedding" ${WEAK[@]+"${WEAK[@]}"}
  ROWS+=("pseudo_softmaxrw=training images: pseudo labels, soft-max walk + CRF")
  stage classifier     train_classifier classifier softmaxrw
  final_masks classifier
}

from_parts() {  # DensePose points: nearest labelled segments, random walk + CRF make the pseudo labels
  stage embedding      train train_densepose "$CONFIG" "$OUT/embedding" "$TRAIN_LIST"
  diagnose_embedding
  stage pseudo_labels  pseudo_labels denseposerw pseudo_denseposerw_crf "$CONFIG" "$OUT/embedding" \
    --kmeans_num_clusters "$GRID"
  ROWS+=("pseudo_denseposerw=training images: pseudo labels, nearest points walk + CRF")
  stage classifier     train_classifier classifier denseposerw train_densepose_classifier
  final_masks classifier
}

from_tags() {  # tags: CAM random walk + CRF, retrieval pseudo labels, classifier; then once more from its own pseudo labels
  stage embedding       train train "$CONFIG" "$OUT/embedding" "$TRAIN_LIST" ${WEAK[@]+"${WEAK[@]}"}
  diagnose_embedding
  stage camrw           pseudo_labels camrw pseudo_camrw_crf "$CONFIG" "$OUT/embedding" --cam_dir "$CAMS"
  ROWS+=("pseudo_camrw=training images: CAM walk + CRF")
  retrieved_labels camrw retrieved
  ROWS+=("pseudo_retrieved=training images: pseudo labels, retrieved")
  stage classifier_1    train_classifier classifier_1 retrieved
  stage softmax_labels  pseudo_labels softmax pseudo_softmax "$CLASSIFIER" "$OUT/classifier_1" ${WEAK[@]+"${WEAK[@]}"}
  ROWS+=("pseudo_softmax=training images: soft-max walk of the first classifier")
  retrieved_labels softmax retrieved_2
  ROWS+=("pseudo_retrieved_2=training images: pseudo labels, second round")
  stage classifier      train_classifier classifier retrieved_2
  final_masks classifier
}

retrieved_labels() {  # retrieved_labels FROM TO: prototypes labelled by masks FROM, retrieval pseudo labels TO
  stage "prototypes_$2"  infer prototype_msc "$CONFIG" "$OUT/embedding" "$TRAIN_LIST" "$OUT/prototypes_$2" \
    --kmeans_num_clusters "$GRID" --semantic_dir "$OUT/pseudo/$1/semantic_gray"
  stage "$2"             pseudo_labels "$2" pseudo_inference_crf_msc "$CONFIG" "$OUT/embedding" \
    --kmeans_num_clusters "$GRID" --semantic_memory_dir "$OUT/prototypes_$2/semantic_prototype" ${WEAK[@]+"${WEAK[@]}"}
}

diagnose_embedding() {  # how good the embedding could be: prototypes labelled by the truth; and its own classifier
  stage prototypes  infer prototype "$CONFIG" "$OUT/embedding" "$TRUTH_LIST" "$OUT/prototypes" --kmeans_num_clusters "$GRID"
  stage retrieval   segment retrieval inference "$CONFIG" "$OUT/embedding" --kmeans_num_clusters "$GRID" \
    --semantic_memory_dir "$OUT/prototypes/semantic_prototype"
  stage softmax     segment softmax inference_softmax "$CONFIG" "$OUT/embedding"
  ROWS+=("softmax=stage 1, classifier beside the embedding")
  ROWS+=("retrieval=stage 1, retrieval (a diagnosis: full masks name the prototypes)")
}

final_masks() {  # final_masks CLASSIFIER: single scale; multi-scale and flip; and that with CRF
  stage final          segment final inference_softmax "$CLASSIFIER" "$OUT/$1"
  stage final_msc      segment final_msc inference_softmax_msc "$CLASSIFIER" "$OUT/$1"
  stage final_msc_crf  segment final_msc_crf inference_softmax_crf_msc "$CLASSIFIER" "$OUT/$1"
  ROWS+=("final=final classifier, single scale" "final_msc=final classifier, multi-scale + flip")
  ROWS+=("final_msc_crf=final classifier, multi-scale + flip + CRF")
}

summary() {  # summary TITLE [TEXT=FIGURE...]: the table of ROWS, and published figures
  local title=$1
  shift
  run pyscripts/benchmark/report.py --scores_dir "$OUT/scores" --title "$title" --save "$OUT/table.md" \
    --rows "${ROWS[@]}" --published "$@" || exit
}
