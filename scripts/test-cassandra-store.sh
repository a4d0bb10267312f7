#!/usr/bin/env bash
# The store's tests against a real node: starts one on free ports with a folder of its own, runs them, and stops it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

free_ports() { # free_ports COUNT: ports that nobody listens on
    python3 - "$1" <<'PYTHON'
import socket
import sys

sockets = [socket.socket() for _ in range(int(sys.argv[1]))]
for each in sockets:
    each.bind(("127.0.0.1", 0))
print(*(each.getsockname()[1] for each in sockets))
PYTHON
}

read -r port storage_port jmx_port <<<"$(free_ports 3)"
folder="$(mktemp -d)"
export PORT="$port" STORAGE_PORT="$storage_port" JMX_PORT="$jmx_port" DATA_DIR="$folder/data" LOG_DIR="$folder/logs"
stop() {
    setup/cassandra/stop >/dev/null || true
    rm -rf "$folder"
}
trap stop EXIT
setup/cassandra/start
# As part of the workspace, so that what `make test-rust` has built is used again.
SILVERBULLET_TEST_CASSANDRA="127.0.0.1:$port" ${CARGO:-cargo} test --locked --workspace \
    --features silverbullet-store/failpoints,silverbullet-store/cassandra-node --test cassandra "$@" -- --test-threads 2
