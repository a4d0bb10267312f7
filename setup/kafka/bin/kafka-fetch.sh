#!/usr/bin/env bash
# Fetches the jars of Kafka that pom.xml names, by Maven, and checks them against jars.sha256.
# Does nothing where they are there already.
#
# Usage: kafka-fetch.sh [--lock]       --lock writes jars.sha256 anew, after a change of pom.xml
#        LIB_DIR=DIR                   where the jars go; target/kafka/lib of the project if not said
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

service=Kafka size="45 MB"
source "$setup_dir/../shared/fetch-jars.sh"
