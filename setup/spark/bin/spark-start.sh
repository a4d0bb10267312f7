#!/usr/bin/env bash
# Starts a Spark master on this machine and workers that register with it, and waits until they have.
# Parts that run already are left as they are.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

print_usage() {
    cat <<'END_OF_USAGE'
Starts a Spark master on 127.0.0.1 and workers that register with it, and waits until they have.

Usage: spark-start.sh [OPTIONS]                                          variable       default
  --port PORT             where jobs are submitted                       PORT           7077
  --web-port PORT         the master's page; a worker's are the next     WEB_PORT       PORT + 3
  --workers NUMBER        how many                                       WORKERS        2
  --cores NUMBER          of each worker                                 CORES          1
  --memory SIZE           of each worker, for its executors              MEMORY         2g
  --data DIR              files of jobs, pid files                       DATA_DIR       target/spark/data (data-PORT)
  --logs DIR              logs of master and workers                     LOG_DIR        DIR/logs
  SPARK_CONF_DIR=DIR      a folder with spark-defaults.conf                             setup/spark/conf
  START_TIMEOUT=SECONDS   how long to wait for each of them                             60
  VENV=DIR                where spark-fetch.sh put Spark                                .venv-spark
  JAVA_HOME=DIR           the Java to use                                               java of the PATH

Where a part has ended, only that is started. Several clusters may run side by side, each with its own port and folder.
END_OF_USAGE
}

# All of them must be free, or Spark takes the next ones without a word.
check_port() { # check_port PART
    if [[ $1 == master ]]; then
        port_free 127.0.0.1 "$PORT" || fail "port $PORT is taken by another program: stop that, or choose another by --port"
    fi
    port_free 127.0.0.1 "$(web_port "$1")" ||
        fail "port $(web_port "$1"), for the page of the $1, is taken by another program: choose another by --web-port"
}

launch() { # launch PART
    local detach=(nohup) options=(--host 127.0.0.1 --webui-port "$(web_port "$1")") log="$LOG_DIR/$1.log"
    # A session of its own: neither Ctrl-C nor a killed script takes it along.
    if command -v setsid >/dev/null; then detach=(setsid); fi
    if [[ $1 == master ]]; then
        options+=(--port "$PORT")
    else
        options+=(--cores "$CORES" --memory "$MEMORY" --work-dir "$DATA_DIR/$1" "spark://127.0.0.1:$PORT")
    fi
    if [[ -f $log ]]; then mv "$log" "$log.previous"; fi
    SPARK_DAEMON_JAVA_OPTS="\"$(marker)\" -XX:+UseSerialGC" SPARK_DAEMON_MEMORY="${SPARK_DAEMON_MEMORY:-256m}" \
        "${detach[@]}" "$SPARK_HOME/bin/spark-class" "$(main_class "$1")" "${options[@]}" >"$log" 2>&1 </dev/null &
    echo "$!" >"$DATA_DIR/$1.pid"
    # Spark's launcher makes the command line by which the process is known from then on.
    until running_pid "$1" >/dev/null || ! kill -0 "$!" 2>/dev/null; do sleep 0.05; done
}

is_ready() { # is_ready PART
    case "$1" in
    master) grep -q "New state: ALIVE" "$LOG_DIR/$1.log" && port_open 127.0.0.1 "$PORT" ;;
    *) grep -q "Successfully registered with master" "$LOG_DIR/$1.log" ;;
    esac
}

wait_until_ready() { # wait_until_ready PART
    local pid deadline=$((SECONDS + ${START_TIMEOUT:-60})) log="$LOG_DIR/$1.log"
    pid="$(<"$DATA_DIR/$1.pid")"
    until is_ready "$1"; do
        if ! kill -0 "$pid" 2>/dev/null; then
            rm -f "$DATA_DIR/$1.pid"
            grep -v '^\s*at ' "$log" | tail -n 15 >&2 || true
            fail "the $1 ended while it started; the lines above are the last of $log"
        fi
        ((SECONDS < deadline)) ||
            fail "the $1 (process $pid) is not ready after ${START_TIMEOUT:-60} s; it goes on starting, spark-stop.sh ends it; its log: $log"
        sleep 0.1
    done
}

read_cluster_options "$@"
missing=()
for part in $(parts); do running_pid "$part" >/dev/null || missing+=("$part"); done
if ((${#missing[@]} == 0)); then
    read_place
    echo "Spark runs already on spark://127.0.0.1:$PORT with $WORKERS workers (data in $DATA_DIR)"
    exit 0
fi
# With some of them there, the ports are theirs.
if ((${#missing[@]} <= WORKERS)); then
    workers="$WORKERS"
    read_place
    WORKERS="$workers"
fi
need_java
need_spark
for part in "${missing[@]}"; do check_port "$part"; done
mkdir -p "$DATA_DIR" "$LOG_DIR" || fail "the folders $DATA_DIR and $LOG_DIR cannot be made"
echo "$PORT $WEB_PORT $WORKERS" >"$place_file"
if [[ ${missing[0]} == master ]]; then
    launch master
    wait_until_ready master
    missing=("${missing[@]:1}")
fi
for part in ${missing[@]+"${missing[@]}"}; do launch "$part"; done
for part in ${missing[@]+"${missing[@]}"}; do wait_until_ready "$part"; done
echo "Spark is ready on spark://127.0.0.1:$PORT with $WORKERS workers, its page on http://127.0.0.1:$WEB_PORT (data in $DATA_DIR, logs in $LOG_DIR)"
