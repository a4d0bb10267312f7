#!/usr/bin/env bash
# Fetches the JDBC driver of Flight SQL, with which the tests ask as DBeaver and other Java programs do, by Maven.
# Does nothing where it is there already.
#
# Usage: scripts/fetch-jdbc-driver.sh [--lock]     --lock says which checksum the driver of VERSION has
#        JDBC_DIR=DIR                              where the jar goes; target/jdbc of the project if not said
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

VERSION=18.3.0
SHA256=3f418b46c880e263558c5de669bdbede2c5d4375527ced116fb29f795b03704c
name="flight-sql-jdbc-driver-$VERSION.jar"
folder="${JDBC_DIR:-target/jdbc}"

sum_of() { # sum_of FILE
    if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

if [[ -z ${1:-} && -f $folder/$name && $(sum_of "$folder/$name") == "$SHA256" ]]; then exit 0; fi
command -v mvn >/dev/null || {
    echo "Missing: mvn. Debian, Ubuntu: sudo apt-get install -y maven; elsewhere: https://maven.apache.org" >&2
    exit 1
}
mkdir -p "$folder"
scratch="$(mktemp -d "$folder/fetch.XXXXXX")"
trap 'rm -rf "$scratch"' EXIT
mvn --quiet --batch-mode -Dstyle.color=never org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy \
    -Dartifact="org.apache.arrow:flight-sql-jdbc-driver:$VERSION" -DoutputDirectory="$PWD/$scratch" || {
    echo "Maven could not fetch $name (its messages above say why); is the network there?" >&2
    exit 1
}
found="$(sum_of "$scratch/$name")"
if [[ ${1:-} == --lock ]]; then
    echo "SHA256=$found"
elif [[ $found != "$SHA256" ]]; then
    echo "$name has the checksum $found, expected is $SHA256: it was not installed" >&2
    exit 1
else
    mv "$scratch/$name" "$folder/$name"
fi
