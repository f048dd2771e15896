# What the recipes share. A recipe sources this inside a subshell, so nothing of it reaches the user's shell.
#
# A recipe sets DATA, OUT, CONFIG, CLASSIFIER, CLASSES, TRUTH, TRAIN_LIST, TRUTH_LIST and VAL_LIST, then calls stages in order.
# The user may set:
#   FROM=STAGE  start there, earlier stages are taken as done      TO=STAGE  stop after it     LIST_STAGES=1  only name them
#   NPROC=4     processes (GPUs) that train the embedding          OPTS="key value ..."  configuration keys for every stage
# To run a stage again, delete its mark $OUT/.done/STAGE and its output, and those of all later stages.

set -uo pipefail
set -f  # OPTS holds lists like [64,64]
RECIPE=$(cd "$(dirname "${BASH_SOURCE[1]}")" && pwd)/$(basename "${BASH_SOURCE[1]}")
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
[[ -n ${LIST_STAGES-} ]] || . bashscripts/setup.sh || exit 1

if [[ -z ${LIST_STAGES-} && -n ${FROM-}${TO-} ]]; then
  names=" $(LIST_STAGES=1 && . "$RECIPE" | tr '\n' ' ')"
  for name in ${FROM-} ${TO-}; do
    [[ $names == *" $name "* ]] && continue
    echo "$name: no such stage; FROM and TO take one of$names" >&2
    exit 1
  done
fi

stage() {  # stage NAME COMMAND...: run once; a finished stage leaves a mark; a failed one ends the recipe
  local name=$1 status
  shift
  if [[ -n ${LIST_STAGES-} ]]; then echo "$name"; return; fi
  [[ $name == "${FROM-}" ]] && FROM=
  if [[ -n ${FROM-} ]]; then
    echo "== $name: before FROM=$FROM"
  elif [[ -e $OUT/.done/$name ]]; then
    echo "== $name: complete"
  else
    echo "== $name"
    "$@"
    status=$?
    if ((status)); then
      echo "== $name failed with status $status; source the recipe again to go on from here" >&2
      exit "$status"
    fi
    mkdir -p "$OUT/.done" && touch "$OUT/.done/$name"
  fi
  if [[ $name == "${TO-}" ]]; then exit 0; fi
}

again() {  # again STAGE: do it each time; for what is quick, and done only where something is missing
  [[ -n ${LIST_STAGES-} ]] || rm -f "$OUT/.done/$1"
}

run() { [[ -n ${LIST_STAGES-} ]] || "$SPML_PYTHON" "$@"; }

train() {  # train SCRIPT CONFIG SNAPSHOT_DIR LIST [FLAGS...]; goes on from the newest snapshot
  local script=$1 config=$2 snapshots=$3 list=$4 launcher=()
  shift 4
  split_options "$@"
  [[ ${NPROC:-1} -gt 1 ]] && launcher=(-m torch.distributed.run --standalone "--nproc_per_node=$NPROC")
  run ${launcher[@]+"${launcher[@]}"} "pyscripts/train/$script.py" --cfg_path "$config" --snapshot_dir "$snapshots" \
    --data_dir "$DATA" --data_list "$list" ${FLAGS[@]+"${FLAGS[@]}"} \
    --opts ${OPTS-} ${KEYS[@]+"${KEYS[@]}"} train.resume true
}

infer() {  # infer SCRIPT CONFIG SNAPSHOT_DIR LIST SAVE_DIR [FLAGS...]; images whose results exist are skipped
  local script=$1 config=$2 snapshots=$3 list=$4 save=$5
  shift 5
  split_options "$@"
  run "pyscripts/inference/$script.py" --cfg_path "$config" --snapshot_dir "$snapshots" --data_dir "$DATA" \
    --data_list "$list" --save_dir "$save" --skip_existing ${FLAGS[@]+"${FLAGS[@]}"} --opts ${OPTS-} ${KEYS[@]+"${KEYS[@]}"}
}

split_options() {  # FLAGS [--opts KEYS]: the two parts; a stage's own keys follow OPTS, so that they win
  FLAGS=() KEYS=()
  while (($#)) && [[ $1 != --opts ]]; do FLAGS+=("$1"); shift; done
  KEYS=("${@:2}")
}

score() {  # score NAME MASKS LIST: mean IoU of MASKS/semantic_gray, kept as $OUT/scores/NAME.json
  run pyscripts/benchmark/benchmark_by_mIoU.py --pred_dir "$2/semantic_gray" --gt_dir "$TRUTH" --num_classes "$CLASSES" \
    --data_list "$3" --json "$OUT/scores/$1.json"
}

score_instances() {  # score_instances NAME MASKS LIST INSTANCES: every instance counts the same; kept as $OUT/scores/NAME.json
  run pyscripts/benchmark/benchmark_by_instance.py --pred_dir "$2/semantic_gray" --gt_dir "$TRUTH" --inst_dir "$4" \
    --num_classes "$CLASSES" --data_list "$3" --json "$OUT/scores/$1.json"
}

segment() {  # segment NAME SCRIPT CONFIG SNAPSHOT_DIR [FLAGS...]: masks of the validation images, and their score
  local name=$1 script=$2 config=$3 snapshots=$4
  shift 4
  infer "$script" "$config" "$snapshots" "$VAL_LIST" "$OUT/val/$name" "$@" && score "$name" "$OUT/val/$name" "$VAL_LIST"
}

pseudo_labels() {  # pseudo_labels NAME SCRIPT CONFIG SNAPSHOT_DIR [FLAGS...]: masks of the training images, and their score
  local name=$1 script=$2 config=$3 snapshots=$4
  shift 4
  infer "$script" "$config" "$snapshots" "$TRAIN_LIST" "$OUT/pseudo/$name" "$@" &&
    score "pseudo_$name" "$OUT/pseudo/$name" "$TRAIN_LIST"
}

train_classifier() {  # train_classifier NAME PSEUDO_LABELS [SCRIPT]: the second stage on masks of pseudo_labels, by one process
  NPROC=1 train "${3:-train_classifier}" "$CLASSIFIER" "$OUT/$1" "$TRAIN_LIST" --semantic_dir "$OUT/pseudo/$2/semantic_gray" \
    --opts network.pretrained "$OUT/embedding"
}
