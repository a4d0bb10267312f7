#!/usr/bin/env bash
# Runs Cassandra's nodetool on the node of DATA_DIR, with the arguments it usually takes. Which node, is said by the variables
# that the other scripts take, PORT or DATA_DIR, or by nodetool's own option -p JMX_PORT.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

default_settings
derive_settings
read_place
need_java
need_jars
where=(-h 127.0.0.1 -p "$JMX_PORT")
for argument in "$@"; do
    case "$argument" in
    -p | --port | -p?* | --port=*) where=() ;;
    -*) ;;
    *) break ;; # the command: what comes after is its own
    esac
done
list_java_modules
# Short-lived: the serial collector and the first compiler only start soonest. exec, so that signals reach it.
# What it keeps of its own (a list of its commands) goes to the project's folder, not to the person's.
exec "$java" -Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 "${java_modules[@]}" \
    -Dlogback.configurationFile="$setup_dir/logback-tools.xml" -Duser.home="$DATA_DIR" \
    -cp "$LIB_DIR/*" org.apache.cassandra.tools.NodeTool ${where[@]+"${where[@]}"} "$@"
