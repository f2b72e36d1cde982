#!/usr/bin/env bash
# Builds Splat, trains the bundled scene, evaluates and exports it.
# Installs the software Vulkan driver if, and only if, there is no usable graphics adapter.
set -euo pipefail
cd "$(dirname "$0")"
. scripts/machine.sh

SCENE=datasets/still-life
RUN=runs/demo
PLY=runs/demo.ply
STEPS=${STEPS:-1800}

ensure_rust
ensure_linker
say "building"
cargo build --release --locked --package splat
splat=${CARGO_TARGET_DIR:-target}/release/splat
ensure_adapter "$splat"

say "training $SCENE for $STEPS steps"
"$splat" train "$SCENE" --output "$RUN" --force --preset fast --steps "$STEPS"
say "evaluating on photos it was not trained on"
"$splat" eval "$RUN"
say "exporting"
"$splat" export "$RUN" "$PLY" --force

say "done"
cat >&2 <<END
scene             $PLY (opens in any viewer of 3D Gaussian splatting PLY files)
photo beside it   $RUN/test/
run folder        $RUN/
look at it        $splat view $RUN
next              $splat train YOUR_SCENE -o runs/mine
END
