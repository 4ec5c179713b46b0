#!/usr/bin/env bash
# Proves that Easel works: bash tests/run.sh [--full] [arguments of pytest]
# On a fresh machine it sets up as the first start does, adds what the tests need, then checks style
# and types and runs the tests, files side by side (`-n 0`: one by one). EASEL_GOLDEN names the folder
# of recorded cases, where there is one.
set -o pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." || exit 1

python="$(EASEL_SETUP=test bash webui-user.sh)" || exit 1
export HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1 GRADIO_ANALYTICS_ENABLED=False PYTHONUNBUFFERED=1
unset COMMANDLINE_ARGS
# Test files run side by side, so more than one thread in each would only make them wait.
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"

find_chromium() {
    local name
    for name in "${EASEL_CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable \
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" \
        "/Applications/Chromium.app/Contents/MacOS/Chromium"; do
        if [ -n "$name" ] && command -v "$name" >/dev/null; then command -v "$name"; return; fi
    done
    return 1
}

if ! find_chromium >/dev/null && [ "$(id -u)" = 0 ] && grep -qs '^ID=debian' /etc/os-release; then
    echo "Adding Debian's chromium for the browser tests." >&2
    mkdir -p tmp
    (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium fonts-liberation) \
        >/dev/null 2>tmp/apt.log || echo "apt could not install chromium (see tmp/apt.log)." >&2
fi
if chromium="$(find_chromium)"; then
    export EASEL_CHROMIUM="$chromium"
elif [ "${CI:-}" = true ]; then
    echo "No Chromium found, and the browser tests may not be skipped here." >&2
    exit 1
else
    echo "No Chromium found: the browser tests are skipped (EASEL_CHROMIUM may name one)." >&2
fi

failed=""
check() {
    local started=$SECONDS
    "$python" -m "$@" || failed="$failed $1"
    echo "$1: $((SECONDS - started)) s" >&2
}
check ruff check .
check ruff format --check .
check pyright --pythonpath "$python"
# What fails while other tests load the machine gets a second go, alone; a fault fails again.
if ! "$python" -m pytest -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder "$@"; then
    echo "Once more, one by one, what has failed:" >&2
    "$python" -m pytest -n 0 --last-failed --last-failed-no-failures none "$@" || failed="$failed pytest"
fi
# Said last, where it is seen: the tests' own words may be thousands of lines long.
if [ -n "$failed" ]; then
    echo "FAILED:$failed" >&2
    exit 1
fi
echo "All passed." >&2
