# The engine of the cluster: its start, stop and status as functions; sourced by the scripts of this folder, never run.
# shellcheck shell=bash disable=SC2154

# Finds the program.
need_program() {
    local found
    if [[ -n ${PROGRAM:-} ]]; then
        [[ -x $PROGRAM ]] || fail "PROGRAM names no program: $PROGRAM"
        program="$(absolute "$PROGRAM")"
        return
    fi
    for found in "$project_dir"/target/{release,debug}/silverbullet "$(command -v silverbullet)"; do
        if [[ -n $found && -x $found ]]; then
            program="$found"
            return
        fi
    done
    fail "the program is not built: make build, or name one in PROGRAM"
}

# Cassandra, as the program is told of it.
name_store() {
    export SILVERBULLET_STORE__CASSANDRA__NODES="127.0.0.1:$CASSANDRA_PORT"
}

engine_pid() {
    process_of "$CLUSTER_DIR/engine.pid" "--data $CLUSTER_DIR/results" "--http"
}

engine_log() {
    printf '%s' "$CLUSTER_DIR/engine.log"
}

engine_place() {
    printf 'its page on http://127.0.0.1:%s, SQL on grpc://127.0.0.1:%s (process %s, results in %s, log in %s)' \
        "$HTTP_PORT" "$GRPC_PORT" "$1" "$CLUSTER_DIR/results" "$(engine_log)"
}

engine_start() {
    local detach=(nohup) log deadline=$((SECONDS + ${START_TIMEOUT:-60})) pid
    log="$(engine_log)"
    need_program
    name_store
    # A session of its own: neither Ctrl-C nor a killed script takes it along.
    if command -v setsid >/dev/null; then detach=(setsid); fi
    if [[ -f $log ]]; then mv "$log" "$log.previous"; fi
    "${detach[@]}" "$program" run --config "$SETTINGS" --source kafka --brokers "127.0.0.1:$KAFKA_PORT" --topic price \
        --data "$CLUSTER_DIR/results" --http "127.0.0.1:$HTTP_PORT" --grpc "127.0.0.1:$GRPC_PORT" --format json >"$log" 2>&1 </dev/null &
    pid="$!"
    echo "$pid" >"$CLUSTER_DIR/engine.pid"
    until port_open 127.0.0.1 "$HTTP_PORT" && port_open 127.0.0.1 "$GRPC_PORT"; do
        if ! kill -0 "$pid" 2>/dev/null; then
            rm -f "$CLUSTER_DIR/engine.pid"
            tail -n 15 "$log" >&2
            fail "the engine ended while it started; the lines above are the last of $log"
        fi
        ((SECONDS < deadline)) || fail "the engine (process $pid) is not ready after ${START_TIMEOUT:-60} s; its log: $log"
        sleep 0.1
    done
    echo "The engine is ready, $(engine_place "$pid")"
}

engine_stop() {
    local pid deadline=$((SECONDS + ${STOP_TIMEOUT:-60}))
    if ! pid="$(engine_pid)"; then
        rm -f "$CLUSTER_DIR/engine.pid"
        echo "No engine runs with its results in $CLUSTER_DIR/results"
        return
    fi
    kill -TERM "$pid" 2>/dev/null || true
    while engine_pid >/dev/null; do
        if ((SECONDS >= deadline)); then
            echo "the engine (process $pid) has not ended after ${STOP_TIMEOUT:-60} s; its log: $(engine_log). As a last resort: kill -9 $pid" >&2
            return 1
        fi
        sleep 0.1
    done
    rm -f "$CLUSTER_DIR/engine.pid"
    echo "The engine has stopped (it was process $pid)"
}

engine_status() {
    local pid
    if ! pid="$(engine_pid)"; then
        echo "No engine runs with its results in $CLUSTER_DIR/results"
        return 1
    fi
    if ! port_open 127.0.0.1 "$GRPC_PORT"; then
        echo "The engine (process $pid) runs but does not accept connections on port $GRPC_PORT; its log: $(engine_log)"
        return 1
    fi
    echo "The engine runs, $(engine_place "$pid")"
}
