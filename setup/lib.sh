# What the setup scripts share. Sourced, never run.

# Progress and complaints go to standard error, so that output stays the commands' own.
say() {
    printf '\033[1m==> %s\033[0m\n' "$*" >&2
}

die() {
    printf 'watchbill setup: %s\n' "$*" >&2
    exit 1
}

have() {
    command -v "$1" >/dev/null 2>&1
}

# Runs a command as root: directly, or through sudo where that can work.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

can_be_root() {
    [ "$(id -u)" = 0 ] && return 0
    have sudo || return 1
    # Without a terminal nobody can type a password.
    sudo -n true 2>/dev/null || [ -t 0 ]
}

# at_least <version> <least>: both like 1.95.0.
at_least() {
    [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}
