#!/usr/bin/env bash
# Stops the node of one folder, and no other, and waits until it has ended.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

print_usage() {
    cat <<'END_OF_USAGE'
Stops the node that cassandra-start.sh started with the same port or folder, and waits until it has ended.

Usage: cassandra-stop.sh [--port PORT] [--data DIR]     also as variables PORT and DATA_DIR
  STOP_TIMEOUT=SECONDS    how long to wait for a clean end (default 60)
END_OF_USAGE
}

read_node_options "$@"
if ! pid="$(running_pid)"; then
    rm -f "$pid_file"
    echo "No node runs with its data in $DATA_DIR"
    exit 0
fi
kill -TERM "$pid" 2>/dev/null || true
deadline=$((SECONDS + ${STOP_TIMEOUT:-60}))
while running_pid >/dev/null; do
    ((SECONDS < deadline)) ||
        fail "the node (process $pid) has not ended after ${STOP_TIMEOUT:-60} s; its log: $system_log. As a last resort: kill -9 $pid"
    sleep 0.1
done
rm -f "$pid_file"
read_place
port_free "$ADDRESS" "$PORT" && port_free "$ADDRESS" "$STORAGE_PORT" && port_free 127.0.0.1 "$JMX_PORT" || true
echo "Cassandra has stopped (it was process $pid)"
