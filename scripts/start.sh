#!/usr/bin/env bash
# `npm start`: sets up, then runs the main job on the bundled sample: the digits classifier in FP32, FP16, BF16 and INT8.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/prepare.sh
exec node dist/cli.cjs convert --plan media/sample/digits.trtplan.json --out precision-bench-out/digits "$@"
