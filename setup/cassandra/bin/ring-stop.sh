#!/usr/bin/env bash
# Stops the three nodes that ring-start.sh started, and waits until they have ended.
#
# Usage: ring-stop.sh        DATA_DIR=DIR   as it was given to ring-start.sh; target/cassandra/ring if not said
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

case "${1:-}" in
'') ;;
--help | -h)
    print_header
    exit 0
    ;;
*) usage_error "unknown argument '$1'" ;;
esac
DATA_DIR="$(absolute "${DATA_DIR:-$project_dir/target/cassandra/ring}")"
failed=0
stopping=()
for number in 1 2 3; do
    DATA_DIR="$DATA_DIR/$number" "$setup_dir/bin/cassandra-stop.sh" &
    stopping+=("$!")
done
for one in "${stopping[@]}"; do wait "$one" || failed=1; done
exit "$failed"
