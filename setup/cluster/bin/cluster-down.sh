#!/usr/bin/env bash
# Stops what cluster-up.sh has started, and no more: a service that ran before goes on.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$setup_dir/bin/engine.sh"

print_usage() {
    cat <<'END_OF_USAGE'
Stops what cluster-up.sh with the same folder has started: engine, Spark, Cassandra, Kafka. Results and prices are kept.

Usage: cluster-down.sh [OPTIONS]
END_OF_USAGE
    print_options
}

read_cluster_options "" "$@"
read_place
ours=()
for service in "${services[@]}"; do
    if was_started "$service"; then
        ours+=("$service")
    elif runs "$service"; then
        echo "cluster-up.sh has not started $service: it goes on"
    fi
done
if ((${#ours[@]} == 0)); then
    echo "No cluster runs that was started from $CLUSTER_DIR"
    exit 0
fi
stop_services "${ours[@]}"
