#!/usr/bin/env bash
# Says what is missing to build and test, and how to get it. Ends with 1 if anything is.
#
# Usage: scripts/check-prerequisites.sh [run|test]      (test also needs rustfmt and clippy)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

purpose="${1:-test}"
missing=0

# report WHAT DEBIAN FEDORA MACOS
report() {
    missing=1
    printf 'Missing: %s\n  Debian, Ubuntu:  %s\n  Fedora:          %s\n  macOS:           %s\n' "$@" >&2
}

at_least() { # at_least FOUND WANTED: compares x.y.z number by number
    local found wanted i
    IFS=. read -r -a found <<<"${1%%-*}"
    IFS=. read -r -a wanted <<<"$2"
    for i in 0 1 2; do
        if ((${found[i]:-0} != ${wanted[i]:-0})); then
            ((${found[i]:-0} > ${wanted[i]:-0}))
            return
        fi
    done
}

check_rust() {
    local wanted found rustup="curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"
    wanted="$(sed -n 's/^channel *= *"\(.*\)"/\1/p' rust-toolchain.toml)"
    if ! command -v cargo >/dev/null; then
        report "cargo, the build tool of Rust (rustup then fetches Rust $wanted by itself)" \
            "sudo apt-get install -y curl; $rustup" "$rustup" "$rustup"
        return
    fi
    # With rustup this fetches the version that rust-toolchain.toml asks for, which needs the network once.
    if ! found="$(rustc --version | cut -d ' ' -f 2)" || ! cargo --version >/dev/null; then
        report "Rust $wanted (the message above says why)" \
            "rustup toolchain install $wanted" "rustup toolchain install $wanted" "rustup toolchain install $wanted"
        return
    fi
    if ! at_least "$found" "$wanted"; then
        report "Rust $wanted or newer; $(command -v rustc) is $found" "$rustup" "$rustup" "$rustup"
    fi
    if [[ $purpose == test ]]; then
        check_component fmt rustfmt
        check_component clippy clippy
    fi
}

check_component() { # check_component SUBCOMMAND COMPONENT
    if ! cargo "$1" --version >/dev/null 2>&1; then
        local add="rustup component add $2"
        report "$2 (cargo $1)" "$add" "$add" "$add"
    fi
}

check_c_compiler() {
    local scratch
    scratch="$(mktemp -d)"
    # It links every program, and compiles the C of zstd.
    if ! command -v cc >/dev/null; then
        report "cc, a C compiler and linker" "sudo apt-get install -y build-essential" \
            "sudo dnf install -y gcc" "xcode-select --install"
    elif ! echo 'int main(void) { return 0; }' | cc -x c - -o "$scratch/program"; then
        report "a cc that can link a program (the message above says why)" \
            "sudo apt-get install -y build-essential" "sudo dnf install -y gcc glibc-devel" \
            "xcode-select --install"
    fi
    rm -rf "$scratch"
}

# Kafka's client is C and C++ that its own makefiles build; OpenSSL too, by Perl, where the system has none for developers.
check_kafka_client() {
    command -v c++ >/dev/null || report "c++, a C++ compiler" "sudo apt-get install -y build-essential" \
        "sudo dnf install -y gcc-c++" "xcode-select --install"
    command -v make >/dev/null || report "make" "sudo apt-get install -y build-essential" \
        "sudo dnf install -y make" "xcode-select --install"
    pkg-config --exists openssl 2>/dev/null || command -v perl >/dev/null ||
        report "OpenSSL's headers, or Perl to build it" "sudo apt-get install -y pkg-config libssl-dev" \
            "sudo dnf install -y pkgconf openssl-devel" "brew install pkg-config openssl"
}

# The page is built by Node.js.
check_node() {
    # What Vite asks for: ^20.19.0 || >=22.12.0.
    local wanted="Node.js 22.12 or newer (or 20.19 and newer of 20)" found
    if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
        report "node and npm, which build the page: $wanted" \
            "sudo apt-get install -y nodejs npm" "sudo dnf install -y nodejs npm" "brew install node"
        return
    fi
    found="$(node --version)"
    found="${found#v}"
    if at_least "$found" 22.12.0 || { [[ ${found%%.*} == 20 ]] && at_least "$found" 20.19.0; }; then
        return
    fi
    report "$wanted; $(command -v node) is $found" \
        "see https://nodejs.org/en/download" "sudo dnf install -y nodejs" "brew upgrade node"
}

# The stored tables are read by Python's libraries in the tests, and the Python package is built for 3.11 and newer.
check_python() {
    local found
    if ! found="$(python3 -c 'import venv, ensurepip, sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null)"; then
        report "python3 with venv" "sudo apt-get install -y python3 python3-venv" "sudo dnf install -y python3" \
            "brew install python"
    elif ! at_least "$found" 3.11.0; then
        report "Python 3.11 or newer; $(command -v python3) is $found" "sudo apt-get install -y python3" \
            "sudo dnf install -y python3" "brew upgrade python"
    fi
}

# A real Kafka broker, a Cassandra node and a Spark cluster are started in the tests.
check_services() {
    local found
    if ! found="$(java -version 2>&1)"; then
        report "java, version 17, which runs Kafka, Cassandra and Spark" "sudo apt-get install -y openjdk-17-jre-headless" \
            "sudo dnf install -y java-latest-openjdk-headless" "brew install openjdk"
    elif [[ $found =~ version\ \"(1\.)?([0-9]+) ]] && ((BASH_REMATCH[2] < 17)); then
        report "Java 17 or newer; $(command -v java) is ${BASH_REMATCH[2]}" \
            "sudo apt-get install -y openjdk-17-jre-headless" "sudo dnf install -y java-latest-openjdk-headless" \
            "brew install openjdk"
    fi
    # Cassandra takes another one that JAVA_HOME names.
    if found="$("${JAVA_HOME:+$JAVA_HOME/bin/}java" -version 2>&1)" && [[ $found =~ version\ \"([0-9]+) ]] && ((BASH_REMATCH[1] > 23)); then
        report "Java 17 for Cassandra, named by JAVA_HOME where it is not the default; found ${BASH_REMATCH[1]}" \
            "sudo apt-get install -y openjdk-17-jre-headless" "see https://adoptium.net" "brew install openjdk@17"
    fi
    if ! command -v mvn >/dev/null; then
        report "mvn (Maven), which fetches Kafka and Cassandra" "sudo apt-get install -y maven" "sudo dnf install -y maven" \
            "brew install maven"
    fi
}

check_rust
check_c_compiler
check_kafka_client
check_node
if [[ $purpose == test ]]; then
    check_python
    check_services
fi
if ((missing)); then
    echo "Then open a new terminal and run make again." >&2
fi
exit "$missing"
