#!/usr/bin/env bash
# Check the style, then run the tests. Flags go to pytest:  bash bashscripts/run_tests.sh -k kmeans
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
. bashscripts/setup.sh
"$SPML_PYTHON" -m ruff check .
exec "$SPML_PYTHON" -m pytest "$@"
