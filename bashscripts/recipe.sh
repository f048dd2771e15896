#!/usr/bin/env bash
# Run a recipe in the project's own environment, which is made first where it is missing:
#   bash bashscripts/recipe.sh toy point     (what the train_spml_*.sh do; settings: docs/recipes.md)
set -u
unset CDPATH
folder=$PWD
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
. "$root/bashscripts/setup.sh" || exit 1
cd -- "$root" && exec "$SPML_PYTHON" -m spml.recipes "$@" --folder "$folder"
