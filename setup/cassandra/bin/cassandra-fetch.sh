#!/usr/bin/env bash
# Fetches the jars of Cassandra that pom.xml names, by Maven, and checks them against jars.sha256.
# Does nothing where they are there already.
#
# Usage: cassandra-fetch.sh [--lock]       --lock writes jars.sha256 anew, after a change of pom.xml
#        LIB_DIR=DIR                   where the jars go; target/cassandra/lib of the project if not said
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

service=Cassandra size="67 MB"
source "$setup_dir/../shared/fetch-jars.sh"
