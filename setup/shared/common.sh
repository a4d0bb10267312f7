# What the scripts of all services share; sourced by the common.sh of each, never run. No output of its own.
# shellcheck shell=bash

fail() { # fail MESSAGE: says it and ends with 1
    echo "${0##*/}: $1" >&2
    exit 1
}

usage_error() {
    echo "${0##*/}: $1; --help lists the options" >&2
    exit 2
}

# Prints the comment at the head of the script: its --help.
print_header() {
    sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p;}' "$0"
}

# Reads options with a value each into variables; --help prints the usage and ends.
read_options() { # read_options "--OPTION=VARIABLE ..." ARGUMENT...
    local known=" $1 " rest
    shift
    while (($#)); do
        case "$1" in
        --help | -h)
            print_usage
            exit 0
            ;;
        esac
        [[ $1 == --* && $1 != *=* && $known == *" $1="* ]] || usage_error "unknown argument '$1'"
        (($# > 1)) || usage_error "$1 needs a value"
        rest="${known#*" $1="}"
        printf -v "${rest%% *}" '%s' "$2"
        shift 2
    done
}

is_port() {
    [[ $1 =~ ^[0-9]{1,5}$ ]] && ((10#$1 >= 1 && 10#$1 <= 65535))
}

absolute() {
    case "$1" in
    /*) printf '%s' "$1" ;;
    *) printf '%s/%s' "$PWD" "$1" ;;
    esac
}

# Whether something accepts connections there.
port_open() { # port_open ADDRESS PORT
    (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null
}

# Whether a port is free, or becomes so soon: the threads of a process that was killed have it a moment longer than its name.
port_free() { # port_free ADDRESS PORT
    for _ in {1..10}; do
        port_open "$@" || return 0
        sleep 0.1
    done
    return 1
}

# Prints the process id in a file where the process has these arguments, in that order; fails where it does not run. A number
# in an old file may belong to a stranger by now.
process_of() { # process_of PID_FILE ARGUMENT MAIN_CLASS
    local pid
    [[ -s $1 ]] && pid="$(<"$1")" && [[ $pid =~ ^[0-9]+$ ]] || return 1
    [[ "$(ps -ww -o args= -p "$pid" 2>/dev/null)" == *"$2 "*"$3"* ]] || return 1
    printf '%s' "$pid"
}

# Whether the jars are there. Whether they are the right ones, fetch_jars has checked.
need_jars_of() { # need_jars_of SERVICE FETCH_SCRIPT
    [[ -d $LIB_DIR ]] || fail "$1's jars are not in $LIB_DIR: run $2 first"
}
