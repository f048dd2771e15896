#!/usr/bin/env bash
# Make .venv at the project's root once, with everything the project needs, and reuse it from then on.
#   executed: prints the path of the interpreter        python=$(bash bashscripts/setup.sh)
#   sourced, in a subshell: sets SPML_PYTHON to it       . bashscripts/setup.sh || exit 1
# With SPML_PYTHON set beforehand that interpreter is used as it is, and no environment is made.
# .venv/.spml-setup holds the check sum of what was installed, or `unfinished` while that goes on.

spml_say() { printf 'setup: %s\n' "$*" >&2; }

spml_setup() {
  local root
  root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd) || return 1
  if [[ -n ${SPML_PYTHON-} ]]; then
    spml_use_given "$root" || return 1
  else
    spml_make_venv "$root" || return 1
    SPML_PYTHON=$root/.venv/bin/python
  fi
}

spml_use_given() {  # ROOT: see that SPML_PYTHON can run the project
  local found missing
  if ! found=$(command -v -- "$SPML_PYTHON") || ! spml_is_recent "$found"; then
    spml_say "SPML_PYTHON=$SPML_PYTHON is no Python 3.10 or newer; unset it to let this script make .venv"
    return 1
  fi
  missing=$("$found" -c 'import sys; from importlib.util import find_spec
print(*(name for name in sys.argv[1:] if find_spec(name) is None))' \
    torch torchvision numpy scipy tqdm easydict yaml PIL cv2 pydensecrf tensorboard skimage defusedxml) || return 1
  if [[ -n $missing ]]; then
    spml_say "SPML_PYTHON=$SPML_PYTHON lacks $missing; install them there: pip install -e . in $1, or unset SPML_PYTHON"
    return 1
  fi
  [[ $found == /* ]] || found=$PWD/$found
  SPML_PYTHON=$found
  export PYTHONPATH="$1${PYTHONPATH:+:$PYTHONPATH}"
}

spml_is_recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; }

spml_make_venv() {  # ROOT
  local stamp
  stamp=$(cd -- "$1" && { pwd && cat setup.py pyproject.toml constraints.txt; } | cksum) || return 1
  spml_is_ready "$1/.venv" "$stamp" && return 0
  if [[ -L $1/.venv ]]; then
    spml_say "$1/.venv is a link, and what it leads to was not set up for this folder; remove it, or set SPML_PYTHON"
    return 1
  fi
  (  # one process installs, others wait for it and find it done
    if command -v flock >/dev/null && ! flock -n 9; then
      spml_say "another process is setting up $1/.venv, waiting for it"
      flock 9
    fi
    spml_is_ready "$1/.venv" "$stamp" || spml_install "$1" "$stamp"
  ) 9<"$1/setup.py"
}

spml_is_ready() {  # VENV STAMP
  [[ -f $1/.spml-setup && $(<"$1/.spml-setup") == "$2" ]] && "$1/bin/python" -c '' 2>/dev/null
}

spml_install() {  # ROOT STAMP
  local venv=$1/.venv python=$1/.venv/bin/python log=$1/.venv/setup.log
  spml_say "setting up $venv (once, some minutes; details in $log)"
  spml_fresh_venv "$venv" || return 1
  cd -- "$1" || return 1
  # The dense CRF's own build asks for a Cython that knows no Python after 3.12, so it is built with ours.
  if ! { spml_pip "dense CRF" -c constraints.txt Cython setuptools wheel &&
    spml_pip "dense CRF" -c constraints.txt --no-build-isolation pydensecrf2; }; then
    spml_explain_build "$python"
    return 1
  fi
  spml_pip "all packages; PyTorch is large" -c constraints.txt -e '.[test]' || return 1
  printf '%s' "$2" >"$venv/.spml-setup"
  spml_say "done"
}

spml_fresh_venv() {  # VENV: one that is there and works is kept, one of an interrupted set-up is made anew
  local base
  if [[ -d $1 && ! -f $1/.spml-setup ]] && ! "$1/bin/python" -m pip --version >/dev/null 2>&1; then
    spml_say "$1 is there, was not made by this script, and has no working pip: remove it and try again"
    return 1
  fi
  if [[ -f $1/.spml-setup ]] && { [[ $(<"$1/.spml-setup") == unfinished ]] || ! spml_is_recent "$1/bin/python"; }; then
    rm -rf -- "$1" || return 1
  fi
  if [[ ! -d $1 ]]; then
    base=$(spml_find_python) || return 1
    mkdir -- "$1" && printf unfinished >"$1/.spml-setup" || return 1
    if ! "$base" -m venv "$1" >"$1/setup.log" 2>&1; then
      spml_say "$base -m venv failed:" "$(tail -n 5 "$1/setup.log")"
      return 1
    fi
  fi
  printf unfinished >"$1/.spml-setup"
}

spml_find_python() {
  local name found=
  for name in python3 python3.12 python3.11 python3.13 python3.10 python; do
    if spml_is_recent "$name"; then found=$(command -v -- "$name") && break; fi
  done
  if [[ -z $found ]]; then
    spml_say "Python 3.10 or newer is needed (python3 here: $(python3 --version 2>&1)); on Debian and Ubuntu:" \
      "apt-get install python3 python3-venv python3-dev"
    return 1
  fi
  if ! "$found" -c 'import ensurepip, venv' 2>/dev/null; then
    spml_say "$found has no venv module; on Debian and Ubuntu: apt-get install python3-venv"
    return 1
  fi
  printf '%s' "$found"
}

spml_pip() {  # WHAT ARGUMENTS...: pip install in $python, a dot for each line that it says
  local what=$1 status
  shift
  printf 'setup: %s ' "$what" >&2
  "$python" -m pip install --disable-pip-version-check --progress-bar off "$@" 2>&1 | tee -a "$log" |
    awk '{ printf "."; fflush() } END { print "" }' >&2
  status=${PIPESTATUS[0]}
  if ((status)); then
    spml_say "pip failed; the end of $log:"
    tail -n 8 "$log" >&2
  fi
  return "$status"
}

spml_explain_build() {  # PYTHON: what the dense CRF may have lacked
  if ! command -v "${CC:-cc}" >/dev/null || ! command -v "${CXX:-c++}" >/dev/null; then
    spml_say "a C and C++ compiler is needed to build pydensecrf2; on Debian and Ubuntu: apt-get install build-essential"
  elif ! "$1" -c 'import os, sys, sysconfig
sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))'; then
    spml_say "Python.h is needed to build pydensecrf2; on Debian and Ubuntu: apt-get install python3-dev"
  fi
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  set -euo pipefail
  spml_setup || exit 1
  printf '%s\n' "$SPML_PYTHON"
else
  spml_setup && printf '== python: %s\n' "$SPML_PYTHON"
fi
