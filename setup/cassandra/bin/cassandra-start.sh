#!/usr/bin/env bash
# Starts a Cassandra node on this machine, waits until it is ready and makes the project's role in it.
# A node that runs already is left as it is.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

print_usage() {
    cat <<'END_OF_USAGE'
Starts a Cassandra node on 127.0.0.1, waits until it is ready and makes the project's role in it.

Usage: cassandra-start.sh [OPTIONS]                                      variable       default
  --port PORT             where clients connect                          PORT           9042
  --storage-port PORT     where nodes connect                            STORAGE_PORT   7000 (PORT + 10000 for other ports)
  --jmx-port PORT         where nodetool connects                        JMX_PORT       7199 (PORT + 20000 for other ports)
  --data DIR              tables, settings and pid file                  DATA_DIR       target/cassandra/data (data-PORT)
  --logs DIR              logs of the node                               LOG_DIR        DIR/logs
  --heap SIZE             memory of the Java heap                        HEAP           1g
  --settings FILE         lines for cassandra.yaml of your own; they     SETTINGS       none
                          count more than those of the script
  --address ADDRESS       one of this machine's own                      ADDRESS        127.0.0.1
  --seeds HOST:PORT,...   nodes of the ring to join (see ring-start.sh)  SEEDS          itself
  ROLE=NAME               role to make at the first start; empty: none                  silverbullet
  ROLE_PASSWORD=PASSWORD  its password                                                  silverbullet
  START_TIMEOUT=SECONDS   how long to wait until it is ready                            180
  JVM_OPTIONS="OPTION..." more options of the JVM                                       none
  JAVA_HOME=DIR           the Java to use                                               java of the PATH

Several nodes may run side by side, each with its own port and folder.
END_OF_USAGE
}

write_settings() {
    local text
    text="$(<"$setup_dir/cassandra.yaml")"
    text="${text//@ADDRESS@/$ADDRESS}" text="${text//@PORT@/$PORT}" text="${text//@STORAGE_PORT@/$STORAGE_PORT}"
    text="${text//@SEEDS@/$SEEDS}" text="${text//@DATA_DIR@/$DATA_DIR}"
    {
        echo "# Written by cassandra-start.sh at each start: changes here are lost. Settings of your own: --settings FILE."
        printf '%s\n' "$text"
        if [[ -n $SETTINGS ]]; then
            printf '\n# From %s\n' "$SETTINGS"
            cat "$SETTINGS"
        fi
    } >"$DATA_DIR/cassandra.yaml"
}

# All of them must be free, or Cassandra's own message hides behind a stack trace.
check_ports() {
    port_free "$ADDRESS" "$PORT" ||
        fail "port $PORT of $ADDRESS is taken by another program: stop that, or choose another by --port"
    port_free "$ADDRESS" "$STORAGE_PORT" ||
        fail "port $STORAGE_PORT of $ADDRESS, for other nodes, is taken by another program: choose another by --storage-port"
    port_free 127.0.0.1 "$JMX_PORT" ||
        fail "port $JMX_PORT, for nodetool, is taken by another program: choose another by --jmx-port"
}

launch() {
    local detach=(nohup) ring_delay=100 options
    read -ra options <<<"${JVM_OPTIONS:-}"
    # A session of its own: neither Ctrl-C nor a killed script takes the node along.
    if command -v setsid >/dev/null; then detach=(setsid); fi
    # With others there is somebody to hear from; alone there is nobody to wait for.
    if [[ -n ${RING:-} || $SEEDS != "$ADDRESS:$STORAGE_PORT" ]]; then ring_delay=2000; fi
    if [[ -f $system_log ]]; then mv "$system_log" "$system_log.previous"; fi
    list_java_modules
    "${detach[@]}" "$java" -Xmx"$HEAP" -XX:+UseG1GC -XX:+ExitOnOutOfMemoryError -XX:+PerfDisableSharedMem \
        -Djava.awt.headless=true -Djava.net.preferIPv4Stack=true "${java_modules[@]}" \
        -javaagent:"$LIB_DIR/jamm-0.4.0.jar" -Dlogback.configurationFile="$setup_dir/logback.xml" \
        -Dsilverbullet.cassandra.logs="$LOG_DIR" "$(marker)" -Dcassandra.config="file://${DATA_DIR// /%20}/cassandra.yaml" \
        -Dcassandra.storagedir="$DATA_DIR" -Dcassandra.jmx.local.port="$JMX_PORT" -Dcassandra-foreground=yes \
        -Dcassandra.superuser_setup_delay_ms=0 -Dcassandra.skip_wait_for_gossip_to_settle=0 \
        -Dcassandra.ring_delay_ms="$ring_delay" \
        ${options[@]+"${options[@]}"} -cp "$LIB_DIR/*" org.apache.cassandra.service.CassandraDaemon >"$console_log" 2>&1 </dev/null &
    echo "$!" >"$pid_file"
}

wait_until_ready() { # wait_until_ready PID
    local began=$SECONDS said=$SECONDS limit="${START_TIMEOUT:-180}"
    until grep -q "Startup complete" "$system_log" 2>/dev/null && port_open "$ADDRESS" "$PORT"; do
        if ! kill -0 "$1" 2>/dev/null; then
            rm -f "$pid_file"
            show_tail
            fail "the node ended while it started; the lines above are the last of $system_log$(remedy)"
        fi
        if ((SECONDS - began >= limit)); then
            show_tail
            fail "the node (process $1) is not ready after $limit s; it goes on starting, cassandra-stop.sh ends it"
        fi
        if ((SECONDS - said >= 5)); then
            said=$SECONDS
            echo "  $((said - began)) s: $(sed -n 's/^\[[^]]*\] INFO *//p' "$system_log" 2>/dev/null | tail -n 1 | cut -c 1-110)" >&2
        fi
        sleep 0.2
    done
}

show_tail() {
    { cat "$console_log"; grep -v '^\s*at ' "$system_log" 2>/dev/null; } | tail -n 15 >&2 || true
}

# What to do about the commonest reasons.
remedy() {
    local said
    said="$(cat "$console_log" "$system_log" 2>/dev/null | tail -n 60)"
    case "$said" in
    *"Invalid yaml"* | *ConfigurationException* | *YAMLException*) printf '; see the settings %s' "$DATA_DIR/cassandra.yaml" ;;
    *OutOfMemoryError* | *"insufficient memory"*) printf '; give it more memory by --heap, or free some' ;;
    *CommitLogReplayException* | *CommitLogReadException*) printf '; the end of its commit log is damaged: see "Common faults" in %s' "$setup_dir/cassandra-setup.md" ;;
    *"No space left"*) printf '; the disk is full: free some, nodetool.sh clearsnapshot --all helps once it runs' ;;
    esac
}

# In the form that cqlsh reads. Only the owner may read it.
write_credentials() { # write_credentials FILE NAME PASSWORD
    (umask 077 && printf '[PlainTextAuthProvider]\nusername = %s\npassword = %s\n' "$2" "$3" >"$1.new" && mv "$1.new" "$1")
}

password_of() { # password_of FILE
    sed -n 's/^password = //p' "$1"
}

# Compiled while the node starts.
compile_roles() {
    "$java" -XX:TieredStopAtLevel=1 -cp "$LIB_DIR/*" org.eclipse.jdt.internal.compiler.batch.Main -17 -proc:none \
        -classpath "$(printf '%s:' "$LIB_DIR"/{cassandra-driver-core,guava}-*.jar)" -d "$DATA_DIR/classes" "$setup_dir/Roles.java" >"$LOG_DIR/roles.log" 2>&1 ||
        fail "Roles.java could not be compiled, its messages are in $LOG_DIR/roles.log; the node goes on starting, cassandra-stop.sh ends it"
}

# From ring-start.sh: COPIES, on how many nodes of the ring the roles will be kept.
make_roles() {
    local code=0
    ADMIN_PASSWORD="$(password_of "$admin_file")" ROLE="$ROLE" ROLE_PASSWORD="$ROLE_PASSWORD" COPIES="${COPIES:-}" \
        "$java" -Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dlogback.configurationFile="$setup_dir/logback-tools.xml" \
        -cp "$DATA_DIR/classes:$LIB_DIR/*" Roles "$ADDRESS" "$PORT" >"$LOG_DIR/roles.log" 2>&1 || code=$?
    case "$code" in
    0) write_credentials "$role_file" "$ROLE" "$ROLE_PASSWORD" ;;
    3)
        echo "The role $ROLE is there and has another password than ROLE_PASSWORD says: it was left alone." >&2
        ;;
    *)
        cat "$LOG_DIR/roles.log" >&2
        fail "the node runs, but its role could not be made (above); start it again once that is mended"
        ;;
    esac
}

# The role of a node is made once, at its first start.
needs_roles() {
    [[ -n $ROLE ]] && ! grep -qxF "username = $ROLE" "$role_file" 2>/dev/null
}

prepare_roles() {
    [[ $ROLE$ROLE_PASSWORD != *$'\n'* ]] || usage_error "ROLE and ROLE_PASSWORD must be one line each"
    # Kept before it is used: a start that is interrupted leaves nobody locked out.
    [[ -s $admin_file ]] || write_credentials "$admin_file" admin "$(head -c 18 /dev/urandom | base64 | tr '+/' '-_')"
    compile_roles
}

read_node_options "$@"
if pid="$(running_pid)"; then
    read_place
    echo "Cassandra runs already on $ADDRESS:$PORT (process $pid, data in $DATA_DIR)"
    exit 0
fi
need_java
need_jars
check_ports
[[ -z $SETTINGS || -r $SETTINGS ]] || fail "the settings $SETTINGS cannot be read"
mkdir -p "$DATA_DIR" "$LOG_DIR" || fail "the folders $DATA_DIR and $LOG_DIR cannot be made"
rm -f "$pid_file"
write_settings
echo "$ADDRESS $PORT $JMX_PORT $STORAGE_PORT" >"$place_file"
launch
pid="$(<"$pid_file")"
if needs_roles; then prepare_roles; fi
wait_until_ready "$pid"
if needs_roles; then make_roles; fi
echo "Cassandra is ready on $ADDRESS:$PORT (process $pid, data in $DATA_DIR, log in $system_log)"
