#!/usr/bin/env bash
# Installs into FOLDER the programs of others that hold our files to account, in fixed versions; then
#     SPLAT_JUDGES=FOLDER cargo test -p splat-tests judges -- --nocapture
# runs the tests that ask them. Nothing is installed outside of FOLDER; it needs npm, python3 with pip, and 500 MB.
set -euo pipefail
[ $# -eq 1 ] || { printf 'usage: scripts/judges.sh FOLDER\n' >&2; exit 2; }
mkdir -p "$1"
cd "$1"

[ -e package.json ] || printf '{ "private": true }\n' >package.json
# `node`, because splat-transform needs one that is newer than many a distribution's.
npm install --no-audit --no-fund --save-exact \
    node@22.23.3 \
    @playcanvas/splat-transform@3.7.0 \
    @adobe/spz@0.2.3 \
    @mkkellogg/gaussian-splats-3d@0.4.7 \
    @sparkjsdev/spark@2.2.0 \
    gltf-validator@2.0.0-dev.3.10 \
    three@0.187.0
python3 -m pip install --quiet --upgrade --target python plyfile==1.1.5 numpy==2.4.6
printf 'SPLAT_JUDGES=%s\n' "$PWD"
