#!/usr/bin/env bash
# Starts Kafka, Cassandra, Spark and an engine between them on this machine, and says of each what it is for and where it is.
# What runs already is left as it is; where a part does not start, or at Ctrl-C, those that were started before it are stopped.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$setup_dir/bin/engine.sh"

print_usage() {
    cat <<'END_OF_USAGE'
Starts Kafka, Cassandra, Spark (a master and two workers) and an engine on 127.0.0.1. Whatever runs already is left as it is.

Usage: cluster-up.sh [OPTIONS]
END_OF_USAGE
    print_options
}

begun=()

# At an error or a signal.
take_down() {
    local code=$?
    # A second Ctrl-C shall not leave half of it.
    trap '' INT TERM
    ((code && ${#begun[@]})) || return 0
    echo "Stopping what was started: ${begun[*]}" >&2
    stop_services "${begun[@]}" >&2 || true
}

# What is not there yet will want these: all that are taken are said before anything is started.
check_ports() { # check_ports SERVICE...
    local service taken=()
    for service in "$@"; do
        case "$service" in
        kafka) check_port Kafka KAFKA_PORT --kafka-port ;;
        cassandra) check_port Cassandra CASSANDRA_PORT --cassandra-port ;;
        spark) check_port Spark SPARK_PORT --spark-port ;;
        engine)
            check_port "the engine's page" HTTP_PORT --http-port
            check_port "the engine's SQL" GRPC_PORT --grpc-port
            ;;
        esac
    done
    ((${#taken[@]} == 0)) || {
        printf '  %s\n' "${taken[@]}" >&2
        fail "ports are taken by other programs (above): stop those, or choose others; nothing was started"
    }
}

check_port() { # check_port WHAT VARIABLE OPTION
    port_free 127.0.0.1 "${!2}" || taken+=("port ${!2}, for $1: another one is chosen by $3")
}

bring_up() { # bring_up SERVICE WHAT_FOR
    heading "$2"
    if runs "$1"; then
        call "$1" status | tail -n 1 | indented
        return
    fi
    begun+=("$1")
    was_started "$1" || echo "$1" >>"$started_file"
    call "$1" start | indented
}

make_topic() {
    "$setup_dir/../kafka/bin/kafka-topics.sh" --bootstrap-server "127.0.0.1:$KAFKA_PORT" --create --if-not-exists \
        --topic price --partitions 4 >/dev/null
    echo "Its topic price is there" | indented
}

make_tables() {
    name_store
    "$program" store init | indented
}

say_where() {
    cat <<END_OF_ACCOUNT

All of it runs:
    prices            Kafka, topic price    127.0.0.1:$KAFKA_PORT
    page              engine                http://127.0.0.1:$HTTP_PORT
    SQL               engine                grpc://127.0.0.1:$GRPC_PORT
    results           Cassandra             127.0.0.1:$CASSANDRA_PORT
    jobs              Spark                 spark://127.0.0.1:$SPARK_PORT, its page: http://127.0.0.1:$((SPARK_PORT + 3))
Ask it:               silverbullet sql --connect grpc://127.0.0.1:$GRPC_PORT
Let it work:          make demo-cluster
Stop it:              make cluster-down
END_OF_ACCOUNT
}

read_cluster_options "" "$@"
[[ -r $SETTINGS ]] || fail "the settings $SETTINGS cannot be read"
need_program
mkdir -p "$CLUSTER_DIR" || fail "the folder $CLUSTER_DIR cannot be made"
missing=()
for service in "${services[@]}"; do runs "$service" || missing+=("$service"); done
check_ports ${missing[@]+"${missing[@]}"}
echo "$KAFKA_PORT $CASSANDRA_PORT $SPARK_PORT $HTTP_PORT $GRPC_PORT" >"$place_file"
trap take_down EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
bring_up kafka "1/4 Kafka brings prices to the engine"
make_topic
bring_up cassandra "2/4 Cassandra keeps results, those of the engine and those of jobs"
make_tables
bring_up spark "3/4 Spark runs jobs, on two workers"
bring_up engine "4/4 The engine takes prices from Kafka, answers each tick, and keeps what is final in Cassandra"
say_where
