#!/usr/bin/env bash
# Says whether master and workers of one folder run. Ends with 0 if all of them do, else with 1.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

print_usage() {
    cat <<'END_OF_USAGE'
Says whether the master and the workers that spark-start.sh started with the same port or folder run.

Usage: spark-status.sh [--port PORT] [--data DIR]     also as variables PORT and DATA_DIR
Ends with 0 if all of them run and the master answers, else with 1.
END_OF_USAGE
}

read_cluster_options "$@"
if [[ ! -s $place_file ]] || ! compgen -G "$DATA_DIR/*.pid" >/dev/null; then
    echo "No Spark runs with its data in $DATA_DIR"
    ! port_open 127.0.0.1 "$PORT" || echo "Something else listens on port $PORT"
    exit 1
fi
read_place
ended=0
for part in $(parts); do
    if pid="$(running_pid "$part")"; then
        echo "The $part runs (process $pid, page http://127.0.0.1:$(web_port "$part"), log $LOG_DIR/$part.log)"
    else
        echo "The $part has ended: spark-start.sh starts it again; its log: $LOG_DIR/$part.log"
        ended=1
    fi
done
if ((!ended)) && ! port_open 127.0.0.1 "$PORT"; then
    echo "The master does not accept connections on port $PORT"
    ended=1
fi
((!ended)) || exit 1
echo "Spark runs on spark://127.0.0.1:$PORT with $WORKERS workers"
