#!/usr/bin/env bash
# Checks everything: format, lints, documentation, tests.
# Installs the software Vulkan driver if, and only if, there is no usable graphics adapter.
set -euo pipefail
cd "$(dirname "$0")"
. scripts/machine.sh

ensure_rust fmt clippy
ensure_linker
say "format"
cargo fmt --all --check
say "build"
cargo build --workspace --locked
ensure_adapter "${CARGO_TARGET_DIR:-target}/debug/splat"
say "lints"
cargo clippy --workspace --all-targets --locked -- -D warnings
say "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
say "tests"
# There is an adapter now: a test that skips for want of one must fail.
SPLAT_REQUIRE_GPU=1 cargo test --workspace --locked
