# What the scripts share; sourced, never run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${LLM_BUILD:-$root/build}
module_so=$build/ngx_http_llm_gov_module.so
nginx_src=/usr/share/nginx/src


say() {
    printf '%s\n' "$*" >&2
}


die() {
    say "${0##*/}: $*"
    exit 1
}


# usage_on_help "$@": prints the comment at the top of the calling script

usage_on_help() {
    local arg

    for arg; do
        case $arg in
        -h | --help)
            sed -n '2,/^[^#]/ { /^#/ { s/^# \{0,1\}//; p } }' "$0"
            exit 0
            ;;
        esac
    done
}


as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"

    elif command -v sudo > /dev/null; then
        sudo "$@"

    else
        die "not root and no sudo: cannot run: $*"
    fi
}


jobs() {
    nproc 2> /dev/null || echo 2
}


# one build at a time in a build directory, as they share objects

lock_build() {
    mkdir -p "$build"
    exec 9> "$build/.lock.$1"
    flock 9
}


# the sources that know no nginx: libllm.a, unit tests and fuzzers

pure_sources() {
    local file missing

    find "$root/ngx_llm_gov_module" -mindepth 2 -name '*.c' | LC_ALL=C sort \
        | while read -r file; do
              missing=$("${CC:-cc}" -M "$file" 2>&1 > /dev/null || true)

              case $missing in
              *ngx_*) ;;
              *)      echo "$file" ;;
              esac
          done
}


# place FROM TO: a running nginx keeps the old file, it is never overwritten

place() {
    cmp -s "$1" "$2" && return

    cp "$1" "$2.new"
    mv "$2.new" "$2"
}


# quietly LOG COMMAND ...: the output is shown only when the command fails

quietly() {
    local log=$1

    shift
    "$@" > "$log" 2>&1 && return

    tail -n 60 "$log" >&2
    die "failed: $* (whole output: $log)"
}


# Node 20 or later with npm on PATH, or the one that scripts/install brought

node_on_path() {
    command -v node > /dev/null && command -v npm > /dev/null \
        && [ "$(node -p 'parseInt(process.versions.node)')" -ge 20 ]
}


with_node() {
    node_on_path || PATH=$build/venv/bin:$PATH
}


# every test of t/ but the real clients, which are a step of their own

end_to_end_tests() {
    (cd "$root" && find t -maxdepth 1 -name '*.t' ! -name clients.t \
        | LC_ALL=C sort)
}
