# The environment of every build. Sourced by the Makefile's recipes: `. ./setup/env.sh`.

WATCHBILL_CACHE="${XDG_CACHE_HOME:-${HOME:?}/.cache}/watchbill"
export WATCHBILL_CACHE
# Outside the checkout, so that a second clone finds the dependencies compiled.
CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$WATCHBILL_CACHE/target}"
export CARGO_TARGET_DIR
# Builds check their SQL against `.sqlx`; `cargo xtask sqlx-prepare` is what asks a database.
SQLX_OFFLINE="${SQLX_OFFLINE:-true}"
export SQLX_OFFLINE
PATH="$WATCHBILL_CACHE/tools/bin:${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
export PATH
# Which toolchain setup/toolchain found or made.
if [ -r "$WATCHBILL_CACHE/toolchain.sh" ]; then
    . "$WATCHBILL_CACHE/toolchain.sh"
fi
