#!/usr/bin/env bash
# Stops the workers and the master of one folder, and no other, and waits until they have ended.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

print_usage() {
    cat <<'END_OF_USAGE'
Stops the workers and the master that spark-start.sh started with the same port or folder, and waits until they have ended.
Executors of jobs that run end with them.

Usage: spark-stop.sh [--port PORT] [--data DIR]     also as variables PORT and DATA_DIR
  STOP_TIMEOUT=SECONDS    how long to wait for a clean end (default 30)
END_OF_USAGE
}

read_cluster_options "$@"
read_place
stopped=()
for part in $(parts | tac); do
    if ! pid="$(running_pid "$part")"; then
        rm -f "$DATA_DIR/$part.pid"
        continue
    fi
    kill -TERM "$pid" 2>/dev/null || true
    deadline=$((SECONDS + ${STOP_TIMEOUT:-30}))
    while running_pid "$part" >/dev/null; do
        ((SECONDS < deadline)) ||
            fail "the $part (process $pid) has not ended after ${STOP_TIMEOUT:-30} s; its log: $LOG_DIR/$part.log. As a last resort: kill -9 $pid"
        sleep 0.1
    done
    rm -f "$DATA_DIR/$part.pid"
    stopped+=("$part")
done
if ((${#stopped[@]} == 0)); then
    echo "No Spark runs with its data in $DATA_DIR"
else
    echo "Spark has stopped (${stopped[*]})"
fi
