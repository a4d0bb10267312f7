#!/usr/bin/env bash
# Runs cqlsh on the node of DATA_DIR as the project's role, or with --admin, first, as the superuser; else with the arguments
# it usually takes. Which node, is said by the variables that the other scripts take, PORT or DATA_DIR.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

default_settings
derive_settings
read_place
credentials="$role_file"
if [[ ${1:-} == --admin ]]; then
    credentials="$admin_file"
    shift
fi
# The project's own first, which is the one that was tested.
cqlsh="$project_dir/.venv/bin/cqlsh"
if [[ ! -x $cqlsh ]]; then
    cqlsh="$(command -v cqlsh)" ||
        fail "cqlsh is missing: python -m pip install -r python/requirements-cassandra.txt (in a virtual environment)"
fi
[[ -r $credentials ]] || fail "$credentials is not there: start the node by cassandra-start.sh first, or give -u NAME"
export CQLSH_HOST="${CQLSH_HOST:-$ADDRESS}" CQLSH_PORT="${CQLSH_PORT:-$PORT}"
exec "$cqlsh" --credentials "$credentials" "$@"
