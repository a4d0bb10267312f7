#!/usr/bin/env bash
# Puts Spark and the Python that runs its jobs into a virtual environment of their own, as python/requirements-spark.txt says:
# versions and sums of all packages stand there. Does nothing where they are there already.
#
# Usage: spark-fetch.sh
#        VENV=DIR                      where the environment goes; .venv-spark of the project if not said
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

wanted="$project_dir/python/requirements-spark.txt"
# What was installed: the list as it was then.
installed="$VENV/requirements-spark.txt"

make_environment() {
    command -v python3 >/dev/null || fail "python3 is missing: sudo apt-get install -y python3 python3-venv (Debian, Ubuntu)"
    echo "Fetching Spark (450 MB) into $VENV"
    rm -f "$installed"
    python3 -m venv "$VENV" ||
        fail "no virtual environment could be made in $VENV: sudo apt-get install -y python3-venv (Debian, Ubuntu)"
    "$python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$wanted" ||
        fail "pip could not install $wanted (its messages above say why); is the network there?"
    cp "$wanted" "$installed"
}

case "${1:-}" in
'') ;;
--help | -h)
    print_header
    exit 0
    ;;
*) usage_error "unknown argument '$1'" ;;
esac
need_java
cmp --silent "$wanted" "$installed" || make_environment
echo "Spark $("$python" -c 'import importlib.metadata as m; print(m.version("pyspark"))') is in $VENV"
