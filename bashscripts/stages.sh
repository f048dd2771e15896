# The stages of the recipes, in order. Each line is one stage of bashscripts/lib.sh.

from_weak_labels() {  # boxes, scribbles, points: soft-max random walk + CRF makes the pseudo labels
  stage embedding      train train "$CONFIG" "$OUT/embedding" "$TRAIN_LIST"
  diagnose_embedding
  stage pseudo_labels  pseudo_labels softmaxrw pseudo_softmaxrw_crf "$CONFIG" "$OUT/embedding"
  stage classifier     train_classifier classifier softmaxrw
  final_masks classifier
}

from_tags() {  # tags: CAM random walk + CRF, retrieval pseudo labels, classifier; then once more from its own pseudo labels
  stage embedding       train train "$CONFIG" "$OUT/embedding" "$TRAIN_LIST"
  diagnose_embedding
  stage camrw           pseudo_labels camrw pseudo_camrw_crf "$CONFIG" "$OUT/embedding" --cam_dir "$CAMS"
  retrieved_labels camrw retrieved
  stage classifier_1    train_classifier classifier_1 retrieved
  stage softmax_labels  pseudo_labels softmax pseudo_softmax "$CLASSIFIER" "$OUT/classifier_1"
  retrieved_labels softmax retrieved_2
  stage classifier      train_classifier classifier retrieved_2
  final_masks classifier
}

retrieved_labels() {  # retrieved_labels FROM TO: prototypes labelled by masks FROM, retrieval pseudo labels TO
  stage "prototypes_$2"  infer prototype_msc "$CONFIG" "$OUT/embedding" "$TRAIN_LIST" "$OUT/prototypes_$2" \
    --kmeans_num_clusters "$GRID" --semantic_dir "$OUT/pseudo/$1/semantic_gray"
  stage "$2"             pseudo_labels "$2" pseudo_inference_crf_msc "$CONFIG" "$OUT/embedding" \
    --kmeans_num_clusters "$GRID" --semantic_memory_dir "$OUT/prototypes_$2/semantic_prototype"
}

diagnose_embedding() {  # how good the embedding could be: prototypes labelled by the truth; and its own classifier
  stage prototypes  infer prototype "$CONFIG" "$OUT/embedding" "$TRUTH_LIST" "$OUT/prototypes" --kmeans_num_clusters "$GRID"
  stage retrieval   segment retrieval inference "$CONFIG" "$OUT/embedding" --kmeans_num_clusters "$GRID" \
    --semantic_memory_dir "$OUT/prototypes/semantic_prototype"
  stage softmax     segment softmax inference_softmax "$CONFIG" "$OUT/embedding"
}

final_masks() {  # final_masks CLASSIFIER: single scale; multi-scale and flip; and that with CRF
  stage final          segment final inference_softmax "$CLASSIFIER" "$OUT/$1"
  stage final_msc      segment final_msc inference_softmax_msc "$CLASSIFIER" "$OUT/$1"
  stage final_msc_crf  segment final_msc_crf inference_softmax_crf_msc "$CLASSIFIER" "$OUT/$1"
}

summary() {  # summary TITLE [NAME=TEXT...] [-- TEXT=FIGURE...]: the rows of all recipes, a recipe's own, published figures
  local title=$1 rows=() published=()
  shift
  while (($#)) && [[ $1 != -- ]]; do rows+=("$1"); shift; done
  (($#)) && shift && published=(--published "$@")
  stage table run pyscripts/benchmark/report.py --scores_dir "$OUT/scores" --title "$title" --save "$OUT/table.md" --rows \
    "retrieval=stage 1, retrieval (prototypes labelled by full masks: a diagnosis)" \
    "softmax=stage 1, classifier beside the embedding" ${rows[@]+"${rows[@]}"} "final=final classifier, single scale" \
    "final_msc=final classifier, multi-scale + flip" "final_msc_crf=final classifier, multi-scale + flip + CRF" \
    ${published[@]+"${published[@]}"}
}
