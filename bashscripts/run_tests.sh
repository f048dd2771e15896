#!/usr/bin/env bash
# Check style and types, then run the tests, on all cores. Flags go to pytest:  bash bashscripts/run_tests.sh -k kmeans
#   --fast, first: style and the quick tests alone, within a minute.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
. bashscripts/setup.sh
"$SPML_PYTHON" -m ruff check .
"$SPML_PYTHON" -m ruff format --check .
# One thread a test process: they share the cores, and figures do not depend on their number.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
if [[ ${1-} == --fast ]]; then
  exec "$SPML_PYTHON" -m pytest -n auto --dist loadfile -m "not slow and not training" "${@:2}"
fi
"$SPML_PYTHON" -m mypy spml
exec "$SPML_PYTHON" -m pytest -n auto --dist loadfile "$@"
