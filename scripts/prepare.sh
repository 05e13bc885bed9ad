#!/usr/bin/env bash
# Installs what is missing and builds: npm packages, the native module (with the headers it needs), TensorRT-RTX, dist/.
# Safe to run again: each step looks first. Shared by `npm start`, `npm test` and CI.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\033[2m· %s\033[0m\n' "$*" >&2; }

node -e '
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    console.error(`Node ${process.versions.node} is too old: 20.19 or newer is needed.`);
    process.exit(1);
  }'

# npm writes node_modules/.package-lock.json last, so an interrupted install is repeated.
if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  say 'installing npm packages'
  npm ci --no-audit --no-fund --loglevel=error >&2
fi

say 'building the command line and the worker'
node esbuild.mjs >&2

say 'native module'
node scripts/setup/native.mjs >&2

say 'TensorRT-RTX'
node scripts/setup/tensorrt-rtx.mjs >&2
