# Sourced by demo.sh and test.sh: makes a fresh Debian or Ubuntu with Rust ready, and tells what it installs.
# What is there is never installed again; other systems get a message that says what is missing.

# Exit code when the machine cannot be made ready; `splat` uses the same one when it finds no adapter.
readonly NOT_READY=4

say() { printf '\n==> %s\n' "$*" >&2; }

# give_up LINE...: says what is missing, and ends.
give_up() {
    printf 'error: %s\n' "$1" >&2
    shift
    [ $# -eq 0 ] || printf '       %s\n' "$@" >&2
    exit "$NOT_READY"
}

# as_root COMMAND...
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif [ -t 0 ] && [ -z "${CI:-}" ]; then
        sudo "$@"
    else
        # Nobody is there to type a password.
        sudo -n "$@"
    fi
}

# install WHY PACKAGE...
install() {
    local why=$1
    shift
    local by_hand="sudo apt-get update && sudo apt-get install $*"
    command -v apt-get >/dev/null || give_up "$why, and this system has no apt-get" "install what it calls: $*"
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
        give_up "$why, and only root can install packages" "as root: apt-get update && apt-get install $*"
    fi
    say "$why: installing $* with apt-get"
    as_root apt-get update -q >&2 || give_up "$why, and apt-get update failed" "run: $by_hand"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@" >&2 ||
        give_up "$why, and apt-get install failed" "run: $by_hand"
}

# ensure_rust COMPONENT...: cargo, and the rustup components asked for.
ensure_rust() {
    # A shell opened before rustup was installed does not have it on its path.
    command -v cargo >/dev/null || PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
    command -v cargo >/dev/null || give_up "cargo was not found" "install Rust from https://rustup.rs"
    local component
    for component in "$@"; do
        cargo "$component" --version >/dev/null 2>&1 ||
            give_up "cargo $component was not found" "run: rustup component add rustfmt clippy"
    done
}

# Rust links with the system's C compiler; Splat itself needs no C library to build.
ensure_linker() {
    command -v cc >/dev/null || install "there is no C compiler to link with" gcc libc6-dev
}

# ensure_adapter SPLAT: asks the program itself, so that a driver without a device does not count as an adapter.
ensure_adapter() {
    local code=0 problem
    # Mesa complains when it has no private folder for its sockets.
    if [ -z "${XDG_RUNTIME_DIR:-}" ]; then
        XDG_RUNTIME_DIR=$(mktemp -d)
        export XDG_RUNTIME_DIR
        trap 'rm -rf "$XDG_RUNTIME_DIR"' EXIT
    fi
    problem=$("$1" info --gpu 2>&1 >/dev/null) || code=$?
    if [ "$code" -eq "$NOT_READY" ]; then
        install "there is no usable graphics adapter" mesa-vulkan-drivers libvulkan1
        code=0
        problem=$("$1" info --gpu 2>&1 >/dev/null) || code=$?
    fi
    [ "$code" -eq 0 ] || give_up "no usable graphics adapter" "$problem"
}
