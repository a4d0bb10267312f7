#!/usr/bin/env bash
# Says whether the broker of one folder runs and answers. Ends with 0 if it does, else with 1.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

print_usage() {
    cat <<'END'
Says whether the broker that kafka-start.sh started with the same port or folder runs and answers.

Usage: kafka-status.sh [--port PORT] [--data DIR]         also as variables PORT and DATA_DIR
Ends with 0 if it runs and answers, else with 1.
END
}

read_broker_options "$@"
if ! pid="$(running_pid)"; then
    echo "No broker runs with its data in $DATA_DIR"
    ! port_open 127.0.0.1 "$PORT" || echo "Something else listens on port $PORT"
    exit 1
fi
if [[ -f $DATA_DIR/broker.port ]]; then PORT="$(<"$DATA_DIR/broker.port")"; fi
if ! port_open 127.0.0.1 "$PORT"; then
    echo "The broker (process $pid) runs but does not accept connections on port $PORT; its log: $server_log"
    exit 1
fi
echo "Kafka runs on 127.0.0.1:$PORT (process $pid, data in $DATA_DIR, log in $server_log)"
