# What the scripts of this folder share; sourced by them, never run. No output of its own.
# Many of its variables are for them.
# shellcheck shell=bash disable=SC2034

setup_dir="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
project_dir="$(cd "$setup_dir/../.." && pwd -P)"
LIB_DIR="${LIB_DIR:-$project_dir/target/cassandra/lib}"
java="${JAVA_HOME:+$JAVA_HOME/bin/}java"
source "$setup_dir/../shared/common.sh"

# Cassandra 5.0 is made for Java 17. Later ones have taken away, from 24 on, what it cannot start without.
need_java() {
    local found remedy
    remedy="sudo apt-get install -y openjdk-17-jre-headless (Debian, Ubuntu), a Java 17 elsewhere; JAVA_HOME=DIR names one beside others"
    found="$("$java" -version 2>&1)" || fail "java is missing: $remedy"
    [[ $found =~ version\ \"(1\.)?([0-9]+) ]] || return 0
    ((BASH_REMATCH[2] >= 17 && BASH_REMATCH[2] <= 23)) ||
        fail "java is version ${BASH_REMATCH[2]}, Cassandra needs 17 (up to 23 may do): $remedy"
}

need_jars() {
    need_jars_of Cassandra "$setup_dir/bin/cassandra-fetch.sh"
}

# The settings that a script starts from: variables of the environment, options count more.
default_settings() {
    PORT="${PORT:-9042}" DATA_DIR="${DATA_DIR:-}" LOG_DIR="${LOG_DIR:-}" HEAP="${HEAP:-1g}"
    STORAGE_PORT="${STORAGE_PORT:-}" JMX_PORT="${JMX_PORT:-}" SETTINGS="${SETTINGS:-}"
    ADDRESS="${ADDRESS:-127.0.0.1}" SEEDS="${SEEDS:-}"
    ROLE="${ROLE-silverbullet}" ROLE_PASSWORD="${ROLE_PASSWORD:-silverbullet}"
}

# The options of start, stop and status; each has a variable of the same meaning, the option counts more.
# Sets PORT, STORAGE_PORT, JMX_PORT, DATA_DIR, LOG_DIR, HEAP, SETTINGS, and the names of the files derived from them.
read_node_options() {
    default_settings
    read_options "--port=PORT --storage-port=STORAGE_PORT --jmx-port=JMX_PORT --data=DATA_DIR --logs=LOG_DIR --heap=HEAP --settings=SETTINGS --address=ADDRESS --seeds=SEEDS" "$@"
    derive_settings
}

derive_settings() {
    is_port "$PORT" || usage_error "the port is '$PORT', it must be a number from 1 to 65535"
    # Cassandra's own beside its own; else far from where the next node on this machine would listen.
    [[ -n $STORAGE_PORT ]] || STORAGE_PORT=$((PORT == 9042 ? 7000 : PORT > 55535 ? PORT - 10000 : PORT + 10000))
    [[ -n $JMX_PORT ]] || JMX_PORT=$((PORT == 9042 ? 7199 : PORT > 45535 ? PORT - 20000 : PORT + 20000))
    is_port "$STORAGE_PORT" || usage_error "the storage port is '$STORAGE_PORT', it must be a number from 1 to 65535"
    is_port "$JMX_PORT" || usage_error "the JMX port is '$JMX_PORT', it must be a number from 1 to 65535"
    [[ $HEAP =~ ^[0-9]+[kmgKMG]$ ]] || usage_error "the heap is '$HEAP', it must be a size such as 1g or 512m"
    [[ $ADDRESS =~ ^127\.[0-9]+\.[0-9]+\.[0-9]+$ ]] ||
        usage_error "the address is '$ADDRESS', it must be one of this machine's own such as 127.0.0.1"
    if [[ -z $DATA_DIR ]]; then
        DATA_DIR="$project_dir/target/cassandra/data"
        ((PORT == 9042)) || DATA_DIR+="-$PORT"
    fi
    DATA_DIR="$(absolute "$DATA_DIR")"
    LOG_DIR="$(absolute "${LOG_DIR:-$DATA_DIR/logs}")"
    [[ -z $SETTINGS ]] || SETTINGS="$(absolute "$SETTINGS")"
    SEEDS="${SEEDS:-$ADDRESS:$STORAGE_PORT}"
    name_files
}

name_files() {
    pid_file="$DATA_DIR/node.pid"
    # Where the node that runs listens: address, port, JMX port, storage port.
    place_file="$DATA_DIR/node.place"
    admin_file="$DATA_DIR/admin.credentials"
    role_file="$DATA_DIR/role.credentials"
    system_log="$LOG_DIR/system.log"
    console_log="$LOG_DIR/console.log"
}

# Takes ADDRESS and the ports from the node that was started last in this folder.
read_place() {
    [[ ! -s $place_file ]] || read -r ADDRESS PORT JMX_PORT STORAGE_PORT <"$place_file"
}

# Prints the process id of this folder's node; fails where it does not run.
running_pid() {
    process_of "$pid_file" "$(marker)" CassandraDaemon
}

# What marks a node of this folder among its arguments.
marker() {
    printf '%s' "-Dsilverbullet.cassandra.data=$DATA_DIR"
}

# The parts of the JDK that Cassandra and its tools reach into, as the array java_modules.
list_java_modules() {
    local part
    java_modules=(-Djdk.attach.allowAttachSelf=true -Djava.security.manager=allow -Dio.netty.tryReflectionSetAccessible=true)
    for part in java.base/{jdk.internal.misc,java.lang.ref} java.management.rmi/com.sun.jmx.remote.internal.rmi \
        java.rmi/sun.rmi.{registry,server} java.sql/java.sql jdk.unsupported/sun.misc jdk.attach/sun.tools.attach; do
        java_modules+=(--add-exports "$part=ALL-UNNAMED")
    done
    for part in java.base/{java.lang.module,jdk.internal.{loader,ref,reflect,math,module,util.jar},sun.nio.ch,java.io} \
        java.base/{java.lang.reflect,java.lang,java.util} jdk.management/com.sun.management.internal; do
        java_modules+=(--add-opens "$part=ALL-UNNAMED")
    done
}
