#!/usr/bin/env bash
# Runs fuzz targets one after the other, a number of inputs each, and says of each how fast they were and what they reached:
#   soak-frames.sh FOLDER INPUTS TARGET ...
# FOLDER is where cargo-fuzz builds, with the inputs to begin with in FOLDER/corpus/TARGET.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=$1 inputs=$2
shift 2

for target in "$@"; do
    log="$folder/$target.log"
    if ! ${CARGO:-cargo} fuzz run --sanitizer none --target-dir "$folder" "$target" "$folder/corpus/$target" -- \
        -runs="$inputs" -max_len=4096 -rss_limit_mb=1024 -timeout=10 -dict=fuzz/frames.dict -print_final_stats=1 >"$log" 2>&1; then
        tail -n 40 "$log"
        echo "$target: a promise is not kept, or it was not built; all of it is in $log" >&2
        exit 1
    fi
    awk -v target="$target" -v inputs="$inputs" '
        / cov: / { for (i = 1; i < NF; i++) { if ($i == "cov:") edges = $(i + 1); if ($i == "ft:") features = $(i + 1); if ($i == "corp:") kept = $(i + 1) } }
        /^stat::number_of_executed_units:/ { executed = $2 }
        /^stat::average_exec_per_sec:/ { rate = $2 }
        /^stat::peak_rss_mb:/ { memory = $2 }
        END {
            printf "%s: %d inputs, %d a second, %d edges and %d features reached, %s kept, %d MB\n", target, executed, rate, edges, features, kept, memory
            exit (executed < inputs)
        }' "$log"
done
