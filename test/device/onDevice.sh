#!/usr/bin/env bash
# The steps on the device machine, in this order; each is one call (run.mjs says how the files get there):
#   app           unpacks our program (.gpu/app), every call that brings a new one
#   payload       joins $DEVICE_HOME/pieces/P.*: node, models, data, onnxruntime-node
#   unpack        joins $DEVICE_HOME/pieces/piece.*: TensorRT's jar
#   smoke         what probe says; digits in FP32 and FP16
#   all SECONDS   every model and every question, one build at a time, until the time is up; results go to $OUT after each
#   soak          200 engines in one process, 20 builds cancelled, a worker killed in the middle of a build
# Builders time kernels, so nothing else may run on the GPU: two builds side by side take ten times as long, and pick other
# kernels. Whatever is done is kept: `all` goes on where it was when it is called again.
set -u
home=${DEVICE_HOME:-/root}
work=$home/work
out=${OUT:-$work/out}
node=$home/node
app=$home/app/dist
cli="$node $app/cli.cjs"
export TENSORRT_ROOT=${TENSORRT_ROOT:-$home/trt}
export LD_LIBRARY_PATH=$TENSORRT_ROOT:/usr/local/nvidia/lib64:${LD_LIBRARY_PATH:-}
export PRECISION_BENCH_HOME=$work/home
mkdir -p $work $out $home/pieces
variants=fp32,tf32,fp16,fp16-weak,int8,int8-tensorrt

# What is measured, in this order. model|onnx|calibration|evaluation|preprocess|input|output|optimization level
models="digits|digits_resnet_tiny.onnx|digits/digits_calib.npz|digits/digits_test.npz|none|input|logits|3
transformer|transformer.onnx|transformer-calib.npz|transformer-eval.npz|none|x|y|3
lite0|efficientnet-lite0.onnx|imagenet/calib.csv|imagenet/eval.csv|efficientnet-lite|input|logits|3
rec|PP-OCRv6_rec_small.onnx|ocr/calib.csv|ocr/eval.csv|ppocr-rec|x|fetch_name_0|1"

deadline=${DEADLINE:-$((SECONDS + 540))}
left() { echo $((deadline - SECONDS)); }

# NAME… as convert NAME-SUFFIX: a run whose report is there already is not repeated.
run() { # SUFFIX ONNX CALIB EVAL PREPROCESS LEVEL BATCH arguments…
  local name=$1 onnx=$2 calib=$3 eval=$4 preprocess=$5 level=$6 batch=$7
  shift 7
  [ -s $work/$name/report.json ] && return 0
  [ $(left) -gt 20 ] || return 1
  echo "$(date +%T) $name: $* ($(left) s left)" >>$work/log
  timeout -s INT -k 20 $(left) $cli convert $home/models/$onnx --data $home/data/$calib --eval-data $home/data/$eval \
    --preprocess "$preprocess" --backend tensorrt --batch $batch --optimization-level $level --calib-batch-size 8 \
    --timing-cache $work/${name%%-*}.timing --warmup-ms 500 --duration-ms 2000 --iterations 100 --out $work/$name --quiet \
    "$@" >>$work/log 2>&1
  echo "$(date +%T) $name: rc $?" >>$work/log
}

# Our runner against the bare loop, on the FP16 engine: both poll, both replay a graph, in turns three times.
overhead() { # NAME BATCH
  local engine library
  engine=$(ls $work/$1/*fp16*.engine 2>/dev/null | grep -v weak | head -1)
  library=$(ls $TENSORRT_ROOT/libnvinfer.so.10 2>/dev/null)
  [ -n "$engine" ] && [ -n "$library" ] && [ $(left) -gt 40 ] && [ ! -s $work/$1.overhead.json ] || return 0
  local bare=() ours=()
  for round in 1 2 3; do
    bare+=("$($home/app/bare_loop $library $engine --graph --seconds 2 --batch $2)")
    ours+=("$($cli bench $engine --batch $2 --spin --duration-ms 2000 --json --quiet | grep -m1 -o '"medianMs": *[0-9.]*')")
  done
  printf '{"bare": [%s], "ours": [{%s}, {%s}, {%s}]}\n' "$(IFS=,; echo "${bare[*]}")" "${ours[@]}" >$work/$1.overhead.json
}

one() { # BATCH model|onnx|…
  local batch=$1 model onnx calib eval preprocess input output level
  IFS='|' read -r model onnx calib eval preprocess input output level <<<"$2"
  local name=$model-b$batch
  local about=($onnx $calib $eval $preprocess $level $batch)
  run $name "${about[@]}" --precisions $variants || return 0
  $node $app/collect.cjs $work $model $batch $out/results
  # Of our own making: inputs and outputs in FP16, the two ways to keep INT8 weights, the same build with its timings.
  run $name-io16 "${about[@]}" --precisions fp16 --io $input=fp16 --io $output=fp16
  run $name-weights-float "${about[@]}" --precisions int8 --weight-storage float
  run $name-weights-quantized "${about[@]}" --precisions int8 --weight-storage quantized
  PRECISION_BENCH_HOME=$work/home-warm run $name-warm "${about[@]}" --precisions fp16
  overhead $name $batch
  $node $app/collect.cjs $work $model $batch $out/results
}

pack() {
  $node $app/collect.cjs --page $out/results
  cp $work/log $out/
  tar czf $out/passports.tgz -C $work $(cd $work && ls */*.passport.json 2>/dev/null) 2>/dev/null
}

case "${1:?step}" in
app)
  mkdir -p $home/app && tar xzf .gpu/app/app.tgz -C $home/app
  ;;
unpack)
  mkdir -p $home/trt
  (cd $home && cat pieces/piece.* >t.zip && rm pieces/piece.* && python3 - <<PY
import zipfile, os, shutil
for info in (z := zipfile.ZipFile('$home/t.zip')).infolist():
    if info.filename.startswith('org/bytedeco/tensorrt/linux-x86_64/lib'):
        with z.open(info) as source, open('$home/trt/' + os.path.basename(info.filename), 'wb') as target:
            shutil.copyfileobj(source, target, 1 << 24)
PY
    rm t.zip && ls -la trt)
  ;;
payload)
  (cd $home && cat pieces/P.* | tar xz --strip-components=1 && rm pieces/P.* && ./node --version)
  cp $home/models/*.npz $home/data/ 2>/dev/null
  ;;
smoke)
  nvidia-smi --query-gpu=name,driver_version,clocks.sm,temperature.gpu --format=csv
  $cli probe
  deadline=$((SECONDS + 300))
  IFS='|' read -r model onnx calib eval preprocess _ <<<"$models"
  time run smoke-b1 $onnx $calib $eval $preprocess 3 1 --precisions fp16
  cat $work/log
  ;;
all)
  deadline=$((SECONDS + ${2:?seconds}))
  [ -s $home/models/transformer.onnx ] || { $node $app/transformer.cjs $home/models && cp $home/models/*.npz $home/data/; }
  nvidia-smi --query-gpu=clocks.sm,clocks.mem,temperature.gpu,power.draw --format=csv
  for batch in 1 32; do
    while read -r line; do
      one $batch "$line"
      pack
    done <<<"$models"
  done
  tail -n 40 $work/log
  cat $out/results/table.md
  ;;
soak)
  deadline=$((SECONDS + 560))
  timeout $(left) $node $app/soak.cjs $home/models/digits_resnet_tiny.onnx $work ${2:-200} ${3:-20} >$out/soak.json
  head -c 2000 $out/soak.json
  # Kill -9 of the worker in the middle of a build: a coded error, and the next build works.
  rm -rf $work/killed
  IFS='|' read -r model onnx calib eval preprocess _ <<<"$models"
  PRECISION_BENCH_HOME=$work/home-killed $cli convert $home/models/$onnx --data $home/data/$calib --preprocess $preprocess \
    --precisions fp16 --backend tensorrt --optimization-level 5 --out $work/killed --quiet &
  converting=$!
  sleep 8
  kill -9 $(pgrep -P $converting) # its worker
  wait $converting
  echo "rc $?"
  ;;
esac
