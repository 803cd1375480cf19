# shellcheck shell=bash
# Functions that the scripts of the lab share. Sourced, never run.

# Says what is being done, on standard error.
say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# Ends the script with a reason.
die() { say "error: $*"; exit 1; }

# Prints the directory of downloads and intermediate results, outside the tree.
cache_directory() {
    local directory=${OCMIGRATE_CACHE:-/var/cache/ocmigrate}
    mkdir -p "$directory"
    printf '%s\n' "$directory"
}

need_root() { [[ $EUID -eq 0 ]] || die "run it as root"; }

# Installs those of the named Debian packages that are missing: install_missing COMMAND=PACKAGE...
install_missing() {
    local pair
    local -a packages=()
    for pair in "$@"; do
        command -v "${pair%%=*}" >/dev/null || packages+=("${pair#*=}")
    done
    [[ ${#packages[@]} -gt 0 ]] || return 0
    say "installing ${packages[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >&2
}

engine_answers() { docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

# Starts an engine where none answers. One that was there already, by whomever it was started, is none of this run's own.
owns_engine=false
start_engine() {
    if engine_answers; then
        say "an engine answers already; it will be left running"
        return
    fi
    owns_engine=true
    "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lab-engine" start
}

# Stops the engine that this run started; any other stays.
stop_own_engine() {
    ! "$owns_engine" || "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lab-engine" stop
}

# Waits up to SECONDS for a command to succeed: wait_for SECONDS COMMAND...
wait_for() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < deadline)) || return 1
        sleep 0.2
    done
}
