# What the scripts of this folder share; sourced by them, never run. No output of its own.
# shellcheck shell=bash

setup_dir="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
project_dir="$(cd "$setup_dir/../.." && pwd -P)"
LIB_DIR="${LIB_DIR:-$project_dir/target/kafka/lib}"
source "$setup_dir/../shared/common.sh"

need_java() {
    local found
    found="$(java -version 2>&1)" ||
        fail "java is missing: sudo apt-get install -y openjdk-17-jre-headless (Debian, Ubuntu); a JDK 17 or newer elsewhere"
    if [[ $found =~ version\ \"(1\.)?([0-9]+) ]] && ((BASH_REMATCH[2] < 17)); then
        fail "java is version ${BASH_REMATCH[2]}, Kafka needs 17: sudo apt-get install -y openjdk-17-jre-headless"
    fi
}

need_jars() {
    need_jars_of Kafka "$setup_dir/bin/kafka-fetch.sh"
}

# The options of start, stop and status; each has a variable of the same meaning, the option counts more.
# Sets PORT, CONTROLLER_PORT, DATA_DIR, LOG_DIR, HEAP, CONFIG, and the names of the files derived from them.
read_broker_options() {
    PORT="${PORT:-9092}" DATA_DIR="${DATA_DIR:-}" LOG_DIR="${LOG_DIR:-}" HEAP="${HEAP:-512m}"
    CONTROLLER_PORT="${CONTROLLER_PORT:-}" CONFIG="${CONFIG:-}"
    read_options "--port=PORT --controller-port=CONTROLLER_PORT --data=DATA_DIR --logs=LOG_DIR --heap=HEAP --config=CONFIG" "$@"
    derive_settings
}

derive_settings() {
    is_port "$PORT" || usage_error "the port is '$PORT', it must be a number from 1 to 65535"
    # Far from where the next broker on this machine would listen.
    [[ -n $CONTROLLER_PORT ]] || CONTROLLER_PORT=$((PORT > 55535 ? PORT - 10000 : PORT + 10000))
    is_port "$CONTROLLER_PORT" ||
        usage_error "the controller's port is '$CONTROLLER_PORT', it must be a number from 1 to 65535"
    [[ $HEAP =~ ^[0-9]+[kmgKMG]$ ]] || usage_error "the heap is '$HEAP', it must be a size such as 512m or 2g"
    if [[ -z $DATA_DIR ]]; then
        DATA_DIR="$project_dir/target/kafka/data"
        ((PORT == 9092)) || DATA_DIR+="-$PORT"
    fi
    DATA_DIR="$(absolute "$DATA_DIR")"
    LOG_DIR="$(absolute "${LOG_DIR:-$DATA_DIR/logs}")"
    [[ -z $CONFIG ]] || CONFIG="$(absolute "$CONFIG")"
    pid_file="$DATA_DIR/broker.pid"
    server_log="$LOG_DIR/server.log"
    console_log="$LOG_DIR/console.log"
}

# Prints the process id of this folder's broker; fails where it does not run.
running_pid() {
    process_of "$pid_file" "$(marker)" kafka.Kafka
}

# What marks a broker of this folder among its arguments.
marker() {
    printf '%s' "-Dsilverbullet.kafka.data=$DATA_DIR"
}
