#!/usr/bin/env bash
# Your own settings, and the one command: bash webui-user.sh
# It sets everything up the first time, then starts Easel on http://127.0.0.1:7860
# To change a setting, remove the "#" before its line. Later command line flags are added to these.

# Flags of webui.py (bash webui-user.sh --help lists them)
#export COMMANDLINE_ARGS="--listen --api"

# The folder of the virtual environment; "-" uses the Python as it is
#export VENV_DIR="venv"

# The Python to use, 3.11 to 3.13
#export PYTHON="python3.12"

# Where torch comes from: an index of wheels, or pip's whole command
#export TORCH_INDEX_URL="https://download.pytorch.org/whl/cpu"
#export TORCH_COMMAND="pip install torch==2.13.0 --index-url https://download.pytorch.org/whl/cu126"

# A mirror of the package registry
#export INDEX_URL="https://pypi.org/simple"

# --- nothing to change below ---
here="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)"

find_python() {
    local named="${PYTHON:-${python_cmd:-}}" venv="${VENV_DIR:-${venv_dir:-venv}}" candidate
    if [ -n "$named" ]; then echo "$named"; return; fi
    case "$venv" in /*) ;; *) venv="$here/$venv" ;; esac
    if [ -x "$venv/bin/python" ]; then echo "$venv/bin/python"; return; fi
    for candidate in python3 python3.13 python3.12 python3.11 python; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            echo "$candidate"; return
        fi
    done
    for candidate in python3 python; do
        if command -v "$candidate" >/dev/null; then echo "$candidate"; return; fi
    done
}

python="$(find_python)"
if ! command -v "$python" >/dev/null; then
    echo "Set-up failed: no Python found${python:+ as $python}; install Python 3.11, 3.12 or 3.13, or name one in webui-user.sh (PYTHON)" >&2
    exit 1
fi
if [ "${EASEL_SETUP:-run}" = test ]; then exec "$python" "$here/modules/setup.py" test; fi
exec "$python" "$here/modules/setup.py" run "$@"
