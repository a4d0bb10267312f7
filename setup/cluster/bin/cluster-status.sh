#!/usr/bin/env bash
# Says of each part of the cluster whether it runs. Ends with 0 if all of them do, else with 1.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$setup_dir/bin/engine.sh"

print_usage() {
    cat <<'END_OF_USAGE'
Says of Kafka, Cassandra, Spark and the engine whether they run, where, and where their logs are.

Usage: cluster-status.sh [OPTIONS]
Ends with 0 if all of them run and answer, else with 1.
END_OF_USAGE
    print_options
}

read_cluster_options "" "$@"
read_place
away=0
for service in "${services[@]}"; do call "$service" status || away=1; done
exit "$away"
