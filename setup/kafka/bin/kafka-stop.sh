#!/usr/bin/env bash
# Stops the broker of one folder, and no other, and waits until it has ended.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

print_usage() {
    cat <<'END'
Stops the broker that kafka-start.sh started with the same port or folder, and waits until it has ended.

Usage: kafka-stop.sh [--port PORT] [--data DIR]           also as variables PORT and DATA_DIR
  STOP_TIMEOUT=SECONDS    how long to wait for a clean end (default 30)
END
}

read_broker_options "$@"
if ! pid="$(running_pid)"; then
    rm -f "$pid_file"
    echo "No broker runs with its data in $DATA_DIR"
    exit 0
fi
kill -TERM "$pid" 2>/dev/null || true
deadline=$((SECONDS + ${STOP_TIMEOUT:-30}))
while running_pid >/dev/null; do
    ((SECONDS < deadline)) ||
        fail "the broker (process $pid) has not ended after ${STOP_TIMEOUT:-30} s; its log: $server_log. As a last resort: kill -9 $pid"
    sleep 0.1
done
rm -f "$pid_file"
echo "Kafka has stopped (it was process $pid)"
