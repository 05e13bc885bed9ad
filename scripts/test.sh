#!/usr/bin/env bash
# `npm test`: sets up as `npm start` does, then checks and runs every test.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/prepare.sh
node scripts/setup/nativeArm64.mjs --test
node scripts/workbench/install.mjs
exec node scripts/test.mjs "$@"
