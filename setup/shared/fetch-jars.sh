# Fetches the jars that a service's pom.xml names, by Maven, and checks them against its jars.sha256; sourced by the fetch
# script of each service, which says what it is about in `service` and `size`, and whose options are "$@".
# shellcheck shell=bash disable=SC2154

lock_file="$setup_dir/jars.sha256"

sums() { # sums FILE...: one line a file, as sha256sum prints it
    if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi
}

# Whether a folder holds the jars of the lock file, all of them and no other.
is_complete() {
    [[ -d $1 ]] && [[ "$(cd "$1" && LC_ALL=C && sums -- *.jar 2>/dev/null)" == "$(<"$lock_file")" ]]
}

download() { # download FOLDER
    command -v mvn >/dev/null ||
        fail "mvn is missing: sudo apt-get install -y maven (Debian, Ubuntu); see https://maven.apache.org elsewhere"
    echo "Fetching $service's jars ($size) into $LIB_DIR"
    mvn --quiet --batch-mode --file "$setup_dir/pom.xml" dependency:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$1" ||
        fail "Maven could not fetch the jars (its messages above say why); is the network there?"
}

case "${1:-}" in
'' | --lock) ;;
--help | -h)
    print_header
    exit 0
    ;;
*) usage_error "unknown argument '$1'" ;;
esac
if [[ -z ${1:-} ]] && is_complete "$LIB_DIR"; then
    echo "$service's jars are in $LIB_DIR"
    exit 0
fi

need_java
mkdir -p "$(dirname "$LIB_DIR")"
scratch="$(mktemp -d "$LIB_DIR.XXXXXX")"
trap 'rm -rf "$scratch"' EXIT
download "$scratch/new"
if [[ ${1:-} == --lock ]]; then
    (cd "$scratch/new" && LC_ALL=C && sums -- *.jar) >"$lock_file"
    echo "Wrote $lock_file"
fi
if ! is_complete "$scratch/new"; then
    (cd "$scratch/new" && LC_ALL=C && sums -- *.jar) | diff "$lock_file" - | sed -n 's/^[<>]/  &/p' >&2 || true
    fail "the jars are not those of $lock_file (above: < is expected, > was found); nothing was installed"
fi
# In one step, so that nobody meets half a folder.
if [[ -d $LIB_DIR ]]; then mv "$LIB_DIR" "$scratch/old"; fi
mv "$scratch/new" "$LIB_DIR"
echo "$service's jars are in $LIB_DIR"
