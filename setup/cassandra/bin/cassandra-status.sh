#!/usr/bin/env bash
# Says whether the node of one folder runs and answers. Ends with 0 if it does, else with 1.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

print_usage() {
    cat <<'END_OF_USAGE'
Says whether the node that cassandra-start.sh started with the same port or folder runs and answers.

Usage: cassandra-status.sh [--port PORT] [--data DIR]     also as variables PORT and DATA_DIR
Ends with 0 if it runs and answers, else with 1.
END_OF_USAGE
}

read_node_options "$@"
if ! pid="$(running_pid)"; then
    echo "No node runs with its data in $DATA_DIR"
    ! port_open "$ADDRESS" "$PORT" || echo "Something else listens on port $PORT"
    exit 1
fi
read_place
if ! port_open "$ADDRESS" "$PORT"; then
    echo "The node (process $pid) runs but does not accept connections on $ADDRESS:$PORT; its log: $system_log"
    exit 1
fi
echo "Cassandra runs on $ADDRESS:$PORT (process $pid, data in $DATA_DIR, log in $system_log)"
