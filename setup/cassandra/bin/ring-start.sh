#!/usr/bin/env bash
# Starts a ring of three Cassandra nodes on this machine: what a real cluster does when a node fails, to try and to test.
# Nodes that run already are left as they are, so it also brings back one that was killed.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

print_usage() {
    cat <<'END_OF_USAGE'
Starts three Cassandra nodes on 127.0.0.1, 127.0.0.2 and 127.0.0.3 as one ring, and makes the project's role in it.

Usage: ring-start.sh                                                     default
  PORT=PORT               where clients connect, on each address         9042
  STORAGE_PORT=PORT       where nodes connect, on each address           7000 (PORT + 10000 for other ports)
  JMX_PORT=PORT           where nodetool connects; the second node       7199 (PORT + 20000 for other ports)
                          has the next one, the third the one after
  DATA_DIR=DIR            folders 1, 2 and 3 in there, one a node        target/cassandra/ring
  HEAP=SIZE               memory of each Java heap                       512m
  ROLE, ROLE_PASSWORD, START_TIMEOUT, SETTINGS, JAVA_HOME   as cassandra-start.sh has them
END_OF_USAGE
}

case "${1:-}" in
'') ;;
--help | -h)
    print_usage
    exit 0
    ;;
*) usage_error "unknown argument '$1'" ;;
esac
DATA_DIR="${DATA_DIR:-$project_dir/target/cassandra/ring}" HEAP="${HEAP:-512m}"
default_settings
derive_settings
# macOS answers for 127.0.0.1 only until it is told more.
if [[ "$(uname)" == Darwin ]] && ! ping -c 1 -t 1 127.0.0.3 >/dev/null 2>&1; then
    fail "127.0.0.2 and 127.0.0.3 are not there: sudo ifconfig lo0 alias 127.0.0.2; sudo ifconfig lo0 alias 127.0.0.3"
fi
export PORT STORAGE_PORT HEAP SETTINGS
seeds="127.0.0.1:$STORAGE_PORT"

start_node() { # start_node NUMBER ROLE [COPIES]
    DATA_DIR="$DATA_DIR/$1" ADDRESS="127.0.0.$1" SEEDS="$seeds" JMX_PORT="$((JMX_PORT + $1 - 1))" LOG_DIR="" ROLE="$2" \
        COPIES="${3:-}" RING=yes "$setup_dir/bin/cassandra-start.sh"
}

# A node hears of another's start from one of the others, a second or more after it: until then it takes no part of a QUORUM
# for that one.
wait_until_whole() { # wait_until_whole NUMBER
    local began=$SECONDS status
    until status="$(DATA_DIR="$DATA_DIR/$1" LOG_DIR="" "$setup_dir/bin/nodetool.sh" status 2>&1)" &&
        (($(grep -c '^UN ' <<<"$status") >= 3)); do
        ((SECONDS - began < ${START_TIMEOUT:-180})) ||
            fail "all nodes run, but 127.0.0.$1 does not see all of them up and normal (UN):"$'\n'"$status"
        sleep 0.5
    done
}

# One after the other: a node takes over its part of the ring from those that are there. Whoever logs in must be able to while
# a node is away, so each of the three keeps the roles: the first says so before the others join, who then fetch all of them.
# Once the ring is complete its first node alone could not make a role: it takes two to agree.
if [[ -f $DATA_DIR/complete ]]; then ROLE=""; fi
start_node 1 "$ROLE" 3
start_node 2 ""
start_node 3 ""
touch "$DATA_DIR/complete"
for number in 1 2 3; do wait_until_whole "$number"; done
echo "The ring is ready on 127.0.0.1:$PORT, 127.0.0.2:$PORT and 127.0.0.3:$PORT (data in $DATA_DIR)"
