#!/usr/bin/env bash
# Starts a Kafka broker on this machine (one node, KRaft, on 127.0.0.1) and waits until it is ready.
# A broker that runs already is left as it is.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

print_usage() {
    cat <<'END'
Starts a Kafka broker on 127.0.0.1 and waits until it is ready.

Usage: kafka-start.sh [OPTIONS]                                          variable          default
  --port PORT             where clients connect                          PORT              9092
  --controller-port PORT  the broker's own, for its metadata             CONTROLLER_PORT   PORT + 10000
  --data DIR              topics, settings and pid file                  DATA_DIR          target/kafka/data (data-PORT for other ports)
  --logs DIR              logs of the broker                             LOG_DIR           DIR/logs
  --heap SIZE             memory of the Java heap                        HEAP              512m
  --config FILE           settings of your own, on formatted storage;    CONFIG            made from the options
                          --port must then be the port of its listener
  START_TIMEOUT=SECONDS   how long to wait until it is ready                               60

Several brokers may run side by side, each with its own port and folder.
END
}

write_config() {
    cat >"$CONFIG" <<END
# Written by kafka-start.sh at each start: changes here are lost. Settings of your own: --config FILE.
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:$PORT,CONTROLLER://127.0.0.1:$CONTROLLER_PORT
advertised.listeners=PLAINTEXT://127.0.0.1:$PORT
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers=127.0.0.1:$CONTROLLER_PORT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$DATA_DIR/topics
# A misspelt topic is an error, not a new topic.
auto.create.topics.enable=false
num.partitions=4
# One week, unless a topic says otherwise.
log.retention.hours=168
# There is one broker to keep copies on.
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# The first consumer of a group need not wait for others.
group.initial.rebalance.delay.ms=0
# After a kill -9 the next start waits until this has passed.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
END
}

prepare_storage() {
    local storage="$setup_dir/bin/kafka-storage.sh"
    [[ ! -f $DATA_DIR/topics/meta.properties ]] || return 0
    "$storage" format --standalone --cluster-id "$("$storage" random-uuid)" --config "$CONFIG" >"$console_log" 2>&1 ||
        fail "the storage in $DATA_DIR could not be formatted:"$'\n'"$(tail -n 5 "$console_log")"
}

# Of the generated settings: both ports must be free, or Kafka's own message hides behind a stack trace.
check_ports() {
    ! port_open 127.0.0.1 "$PORT" || fail "port $PORT is taken by another program: stop that, or choose another by --port"
    [[ $own_config == yes ]] || ! port_open 127.0.0.1 "$CONTROLLER_PORT" ||
        fail "port $CONTROLLER_PORT, the controller's, is taken by another program: choose another by --controller-port"
}

launch() {
    local detach=(nohup)
    # A session of its own: neither Ctrl-C nor a killed script takes the broker along.
    if command -v setsid >/dev/null; then detach=(setsid); fi
    if [[ -f $server_log ]]; then mv "$server_log" "$server_log.previous"; fi
    "${detach[@]}" java -Xmx"$HEAP" -XX:+UseG1GC -XX:+ExitOnOutOfMemoryError -Djava.awt.headless=true \
        -Dlog4j2.configurationFile="$setup_dir/log4j2-broker.xml" -Dkafka.logs.dir="$LOG_DIR" \
        "$(marker)" -cp "$LIB_DIR/*" kafka.Kafka "$CONFIG" >"$console_log" 2>&1 </dev/null &
    echo "$!" >"$pid_file"
}

wait_until_ready() {
    local deadline=$((SECONDS + ${START_TIMEOUT:-60}))
    until grep -q "Kafka Server started" "$server_log" 2>/dev/null && port_open 127.0.0.1 "$PORT"; do
        if ! kill -0 "$1" 2>/dev/null; then
            rm -f "$pid_file"
            show_tail
            fail "the broker ended while it started; the lines above are the last of $server_log"
        fi
        if ((SECONDS >= deadline)); then
            show_tail
            fail "the broker (process $1) is not ready after ${START_TIMEOUT:-60} s; it goes on starting, kafka-stop.sh ends it"
        fi
        sleep 0.2
    done
}

show_tail() {
    { cat "$console_log"; grep -v '^\s*at ' "$server_log" 2>/dev/null; } | tail -n 15 >&2 || true
}

read_broker_options "$@"
own_config=yes
if [[ -z $CONFIG ]]; then
    own_config=no
    CONFIG="$DATA_DIR/server.properties"
fi
if pid="$(running_pid)"; then
    echo "Kafka runs already on 127.0.0.1:$(cat "$DATA_DIR/broker.port" 2>/dev/null || echo "$PORT") (process $pid, data in $DATA_DIR)"
    exit 0
fi
need_java
need_jars
check_ports
mkdir -p "$DATA_DIR" "$LOG_DIR" || fail "the folders $DATA_DIR and $LOG_DIR cannot be made"
rm -f "$pid_file"
if [[ $own_config == no ]]; then
    write_config
    prepare_storage
elif [[ ! -r $CONFIG ]]; then
    fail "the settings $CONFIG cannot be read"
fi
echo "$PORT" >"$DATA_DIR/broker.port"
launch
pid="$(<"$pid_file")"
wait_until_ready "$pid"
echo "Kafka is ready on 127.0.0.1:$PORT (process $pid, data in $DATA_DIR, log in $server_log)"
