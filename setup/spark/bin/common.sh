# What the scripts of this folder share; sourced by them, never run. No output of its own.
# Many of its variables are for them.
# shellcheck shell=bash disable=SC2034

setup_dir="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
project_dir="$(cd "$setup_dir/../.." && pwd -P)"
source "$setup_dir/../shared/common.sh"
VENV="$(absolute "${VENV:-$project_dir/.venv-spark}")"
python="$VENV/bin/python"
java="${JAVA_HOME:+$JAVA_HOME/bin/}java"

# Spark 4 is made for Java 17 and newer.
need_java() {
    local found
    found="$("$java" -version 2>&1)" ||
        fail "java is missing: sudo apt-get install -y openjdk-17-jre-headless (Debian, Ubuntu); a Java 17 or newer elsewhere"
    if [[ $found =~ version\ \"(1\.)?([0-9]+) ]] && ((BASH_REMATCH[2] < 17)); then
        fail "java is version ${BASH_REMATCH[2]}, Spark needs 17 or newer: sudo apt-get install -y openjdk-17-jre-headless"
    fi
}

# Finds Spark in its virtual environment and tells it where its settings are. The environment's Python runs jobs on all sides.
need_spark() {
    SPARK_HOME="$("$python" -c 'import importlib.util as u; print(u.find_spec("pyspark").submodule_search_locations[0])' 2>/dev/null)" ||
        fail "Spark is not in $VENV: run $setup_dir/bin/spark-fetch.sh first"
    # Not each service of Spark can be told an address by an option of its own.
    export SPARK_HOME SPARK_LOCAL_IP=127.0.0.1 SPARK_CONF_DIR="${SPARK_CONF_DIR:-$setup_dir/conf}"
    export PYSPARK_PYTHON="$python" PYSPARK_DRIVER_PYTHON="$python"
}

# The options of start, stop and status; each has a variable of the same meaning, the option counts more.
# Sets PORT, WEB_PORT, WORKERS, CORES, MEMORY, DATA_DIR, LOG_DIR, and the names of the files derived from them.
read_cluster_options() {
    PORT="${PORT:-7077}" WEB_PORT="${WEB_PORT:-}" WORKERS="${WORKERS:-2}" CORES="${CORES:-1}" MEMORY="${MEMORY:-2g}"
    DATA_DIR="${DATA_DIR:-}" LOG_DIR="${LOG_DIR:-}"
    read_options "--port=PORT --web-port=WEB_PORT --workers=WORKERS --cores=CORES --memory=MEMORY --data=DATA_DIR --logs=LOG_DIR" "$@"
    derive_settings
}

derive_settings() {
    is_port "$PORT" || usage_error "the port is '$PORT', it must be a number from 1 to 65535"
    [[ -n $WEB_PORT ]] || WEB_PORT=$((PORT > 65000 ? PORT - 100 : PORT + 3))
    is_port "$WEB_PORT" || usage_error "the web port is '$WEB_PORT', it must be a number from 1 to 65535"
    is_count "$WORKERS" || usage_error "the number of workers is '$WORKERS', it must be from 1 to 99"
    is_count "$CORES" || usage_error "the number of cores is '$CORES', it must be from 1 to 99"
    [[ $MEMORY =~ ^[0-9]+[mgMG]$ ]] || usage_error "the memory is '$MEMORY', it must be a size such as 2g or 1500m"
    if [[ -z $DATA_DIR ]]; then
        DATA_DIR="$project_dir/target/spark/data"
        ((PORT == 7077)) || DATA_DIR+="-$PORT"
    fi
    DATA_DIR="$(absolute "$DATA_DIR")"
    LOG_DIR="$(absolute "${LOG_DIR:-$DATA_DIR/logs}")"
    # Where the cluster that runs listens: port, web port, workers.
    place_file="$DATA_DIR/cluster.place"
}

is_count() {
    [[ $1 =~ ^[1-9][0-9]?$ ]]
}

# Takes the ports and the number of workers from the cluster that was started last in this folder.
read_place() {
    [[ ! -s $place_file ]] || read -r PORT WEB_PORT WORKERS <"$place_file"
}

# The parts of a cluster: the master, then its workers.
parts() {
    local i
    echo master
    for ((i = 1; i <= WORKERS; i++)); do echo "worker-$i"; done
}

main_class() { # main_class PART
    case "$1" in
    master) echo org.apache.spark.deploy.master.Master ;;
    *) echo org.apache.spark.deploy.worker.Worker ;;
    esac
}

# Where a part shows itself to a browser: the master first, the workers after it.
web_port() { # web_port PART
    case "$1" in
    master) echo "$WEB_PORT" ;;
    *) echo "$((WEB_PORT + ${1#worker-}))" ;;
    esac
}

# Prints the process id of a part of this folder's cluster; fails where it does not run.
running_pid() { # running_pid PART
    process_of "$DATA_DIR/$1.pid" "$(marker)" "$(main_class "$1")"
}

# What marks the processes of this folder among their arguments.
marker() {
    printf '%s' "-Dsilverbullet.spark.data=$DATA_DIR"
}
