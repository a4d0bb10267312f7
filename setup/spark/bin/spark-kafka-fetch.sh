#!/usr/bin/env bash
# Fetches the jars by which Spark reads Kafka, by Maven, and checks them against jars.sha256.
# Does nothing where they are there already.
#
# Usage: spark-kafka-fetch.sh [--lock]  --lock writes jars.sha256 anew, after a change of pom.xml
#        LIB_DIR=DIR                    where the jars go; target/spark/lib of the project if not said
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

LIB_DIR="$(absolute "${LIB_DIR:-$project_dir/target/spark/lib}")"
service="Spark and Kafka" size="10 MB"
source "$setup_dir/../shared/fetch-jars.sh"
