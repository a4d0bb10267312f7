# What the scripts of this folder share; sourced by them, never run. No output of its own.
# Many of its variables are for them.
# shellcheck shell=bash disable=SC2034

setup_dir="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
project_dir="$(cd "$setup_dir/../.." && pwd -P)"
source "$setup_dir/../shared/common.sh"
# Settings of one service that each of the others would take for its own.
unset PORT DATA_DIR LOG_DIR LIB_DIR HEAP CONFIG MASTER
services=(kafka cassandra spark engine)

print_options() {
    cat <<'END_OF_OPTIONS'
                                                                         variable         default
  --kafka-port PORT       where prices come in                           KAFKA_PORT       9092
  --cassandra-port PORT   where results are kept                         CASSANDRA_PORT   9042
  --spark-port PORT       where jobs are submitted; its page: PORT + 3   SPARK_PORT       7077
  --http-port PORT        the engine's page                              HTTP_PORT        8080
  --grpc-port PORT        the engine's Flight and SQL                    GRPC_PORT        50051
  --settings FILE         the engine's settings                          SETTINGS         setup/cluster/silverbullet.toml
  --data DIR              the engine's results and log                   CLUSTER_DIR      target/cluster (cluster-GRPC_PORT)
  PROGRAM=FILE            the program                                                     of target/release, target/debug or the PATH
END_OF_OPTIONS
}

# Each option has a variable of the same meaning, the option counts more. Further options are those of one script.
read_cluster_options() { # read_cluster_options "--OPTION=VARIABLE ..." ARGUMENT...
    local own="$1"
    shift
    KAFKA_PORT="${KAFKA_PORT:-9092}" CASSANDRA_PORT="${CASSANDRA_PORT:-9042}" SPARK_PORT="${SPARK_PORT:-7077}"
    HTTP_PORT="${HTTP_PORT:-8080}" GRPC_PORT="${GRPC_PORT:-50051}"
    SETTINGS="${SETTINGS:-$setup_dir/silverbullet.toml}" CLUSTER_DIR="${CLUSTER_DIR:-}"
    read_options "--kafka-port=KAFKA_PORT --cassandra-port=CASSANDRA_PORT --spark-port=SPARK_PORT --http-port=HTTP_PORT --grpc-port=GRPC_PORT --settings=SETTINGS --data=CLUSTER_DIR $own" "$@"
    derive_settings
}

derive_settings() {
    local name
    for name in KAFKA_PORT CASSANDRA_PORT SPARK_PORT HTTP_PORT GRPC_PORT; do
        is_port "${!name}" || usage_error "$name is '${!name}', it must be a number from 1 to 65535"
    done
    if [[ -z $CLUSTER_DIR ]]; then
        CLUSTER_DIR="$project_dir/target/cluster"
        ((GRPC_PORT == 50051)) || CLUSTER_DIR+="-$GRPC_PORT"
    fi
    CLUSTER_DIR="$(absolute "$CLUSTER_DIR")"
    SETTINGS="$(absolute "$SETTINGS")"
    # What cluster-up.sh has started, one service a line: so much is for cluster-down.sh to stop.
    started_file="$CLUSTER_DIR/started"
    # Where that is: ports of Kafka, Cassandra, Spark, HTTP, gRPC.
    place_file="$CLUSTER_DIR/place"
}

# Takes the ports from the cluster that was started last in this folder.
read_place() {
    [[ ! -s $place_file ]] || read -r KAFKA_PORT CASSANDRA_PORT SPARK_PORT HTTP_PORT GRPC_PORT <"$place_file"
}

# Starts, stops or asks for one service.
call() { # call SERVICE start|stop|status
    case "$1" in
    kafka) "$setup_dir/../kafka/bin/kafka-$2.sh" --port "$KAFKA_PORT" ;;
    cassandra) "$setup_dir/../cassandra/bin/cassandra-$2.sh" --port "$CASSANDRA_PORT" ;;
    spark) "$setup_dir/../spark/bin/spark-$2.sh" --port "$SPARK_PORT" ;;
    engine) "engine_$2" ;;
    esac
}

runs() { # runs SERVICE
    call "$1" status >/dev/null 2>&1
}

was_started() { # was_started SERVICE
    grep -qxF "$1" "$started_file" 2>/dev/null
}

# Stops services, the last one first, and forgets that they were started. Fails where one does not stop, after all of them.
stop_services() { # stop_services SERVICE...
    local i failed=0 rest
    for ((i = $#; i > 0; i--)); do
        if call "${!i}" stop; then
            rest="$(grep -vxF "${!i}" "$started_file" 2>/dev/null || true)"
            printf '%s' "${rest:+$rest$'\n'}" >"$started_file"
        else
            failed=1
        fi
    done
    return "$failed"
}

# A part of the account: a heading, then what belongs to it.
heading() {
    printf '\n%s\n' "$1"
}

indented() {
    sed 's/^/    /'
}
