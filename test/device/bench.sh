#!/usr/bin/env bash
# `npm run bench:precision` on the device machine's idle cores (packBench.mjs says why), beside what the GPU does:
#   unpack          joins $DEVICE_HOME/pieces/B.* and unpacks them at the paths that they have at home
#   start RUN HASH  measures every model on two cores of its own, in the background; a session of its own outlives the call
# Every call lays the tree of the repository anew, so BENCH_CLONE is a copy elsewhere (with PRECISION_BENCH_MODELS naming the models).
#   fetch RUN       rows and logs so far to $OUT/bench-rows.tgz
set -u
home=${DEVICE_HOME:-/root}
clone=${BENCH_CLONE:?the path of the clone at home}
cache=${BENCH_CACHE:-/root/.cache/precision-bench/bench-precision}
cores=(lite0:0,1 v6rec:2,3 cls:4,5 digits:6,7 silero:8,9)

case "${1:?step}" in
unpack)
  cat "$home"/pieces/B.* | tar xz -C / && rm "$home"/pieces/B.*
  ;;
start)
  mkdir -p "$cache/logs"
  for entry in "${cores[@]}"; do
    model=${entry%%:*}
    setsid nohup taskset -c "${entry#*:}" node "$clone/test/bench/precision/run.mjs" --model "$model" --run "$2" --commit "$3" \
      --measure-only >"$cache/logs/$model" 2>&1 &
  done
  # Memory and invariance need no clock of their own, but the arrays that the others export.
  setsid nohup bash -c 'until [ -e "$0/tasks/digits/task.json" ] && [ -e "$0/tasks/cls/task.json" ] && [ -e "$0/tasks/v6rec/task.json" ]; do
      sleep 1; done; exec taskset -c 10,11 node "$@"' "$cache" "$clone/test/bench/precision/run.mjs" --model digits,cls,v6rec --run "$2" \
    --commit "$3" --extras-only --measure-only >"$cache/logs/extras" 2>&1 &
  ;;
fetch)
  tail -n 2 "$cache"/logs/*
  # The arrays of the extras are too large to come back, and nobody needs them.
  tar czf "$OUT/bench-rows.tgz" --exclude=extras -C "$cache" "runs/$2" scores logs
  ;;
esac
