#!/usr/bin/env bash
# Takes newer versions of the Python packages into their lock files: requirements*.in says what is wanted,
# requirements*.txt what exactly is installed, with its hashes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch"
"$scratch/bin/python" -m pip install --quiet --disable-pip-version-check pip-tools
# The notebooks last: they go into the environment of Spark, whose versions bind them.
last=python/requirements-notebooks.in
others="$(printf '%s\n' python/requirements-*.in benchmarks/requirements.in | grep -vxF "$last")"
for wanted in $others "$last"; do
    (cd "$(dirname "$wanted")" && "$scratch/bin/pip-compile" --quiet --upgrade --generate-hashes --strip-extras \
        --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-header --allow-unsafe \
        --output-file "$(basename "${wanted%.in}").txt" "$(basename "$wanted")")
done
