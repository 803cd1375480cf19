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

# Prints a short name for the content of files and directories below one: key_of DIRECTORY PATH...
key_of() { (cd "$1" && find "${@:2}" -type f -print0 | sort -z | xargs -0 sha256sum) | sha256sum | cut -c1-16; }

# Makes FILE of the cache once, by a function that writes to the path it is given first: keep FILE FUNCTION [ARGUMENT...]
keep() {
    local target
    target=$(cache_directory)/$1
    [[ ! -e $target ]] || return 0
    say "making $1"
    rm -rf "$target.part"
    "$2" "$target.part" "${@:3}"
    mv "$target.part" "$target"
}

# Prints the recipe that an image of the lab was made by: recipe_of IMAGE
recipe_of() { docker image inspect --format '{{.Config.Labels.recipe}}' "$1" 2>/dev/null || true; }

# The npm package `node` only chooses among these; asked for by name, no install script has to run.
install_node() { npm install --prefix "$1" --no-save --ignore-scripts --silent "node-linux-$(npm_machine)@$2" >&2; }

npm_machine() {
    case $(uname -m) in
    x86_64) echo x64 ;;
    aarch64) echo arm64 ;;
    *) die "no node package for $(uname -m)" ;;
    esac
}

# Prints where the program lies that install_node put into a directory: node_program DIRECTORY
node_program() { printf '%s\n' "$1/node_modules/node-linux-$(npm_machine)/bin/node"; }

# OpenClaw refuses to run where its own install script did not; that one needs no host beside the registry.
# install_openclaw DIRECTORY VERSION NODE_DIRECTORY
install_openclaw() {
    PATH=$(dirname "$(node_program "$3")"):$PATH \
        npm install --global --prefix "$1" --allow-scripts=openclaw --silent "openclaw@$2" >&2
}
