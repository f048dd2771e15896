#!/usr/bin/env bash
# The toy scenes from scribbles, CPU or GPU: embedding, pseudo labels, classifier, and what one would do without this method.
#   source bashscripts/toy/train_spml_scribble.sh     (settings: bashscripts/lib.sh, bashscripts/toy/data.sh)
(
  [ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@"
  . "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
  . bashscripts/stages.sh
  KIND=scribble
  . bashscripts/toy/data.sh
  from_weak_labels
  weak_baseline scribbles
  full_baseline
  summary "toy val, from scribbles"
  pictures "scribbles=$DATA/VOC2012/scribble/dilate_3"
)
