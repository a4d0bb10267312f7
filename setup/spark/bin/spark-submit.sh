#!/usr/bin/env bash
# Submits a job to the cluster that spark-start.sh started: spark-submit of Spark, with that master and that Python.
#
# Usage: spark-submit.sh [OPTIONS OF spark-submit] JOB.py [ARGUMENTS OF THE JOB]
#        PORT=PORT, DATA_DIR=DIR       which cluster, as for spark-start.sh
#        MASTER=URL                    another master: spark://HOST:PORT, local[2], yarn, k8s://https://HOST:PORT
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

read_cluster_options
read_place
need_java
need_spark
if [[ ${1:-} == --help || ${1:-} == -h ]]; then
    print_header
    echo
elif [[ -z ${MASTER:-} ]]; then
    port_open 127.0.0.1 "$PORT" || fail "no Spark master answers on port $PORT: start one by $setup_dir/bin/spark-start.sh"
fi
exec "$SPARK_HOME/bin/spark-submit" --master "${MASTER:-spark://127.0.0.1:$PORT}" "$@"
