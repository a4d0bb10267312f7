#!/usr/bin/env bash
# Says which tests were left out because recorded market data is not there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

data="${SILVERBULLET_SHARED:-../shared}/data"
if [[ -d $data ]]; then
    echo "Recorded market data: $data is there, so no test was skipped for want of it."
    exit 0
fi
echo "SKIPPED, because $data (recorded market data, no part of the project) is absent: the tests that use it in"
# What is common to a folder of tests stands for the folder.
files="$(grep -rlE '\.\./\.\./shared' --include='*.rs' rust | sed 's#/common/.*##' | sort -u)" || true
echo "${files:-nowhere: no test needs it}" | sed 's/^/  /'
