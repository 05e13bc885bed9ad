#!/usr/bin/env bash
# The steps on the device machine. run.mjs says how the files get there and in which order the calls are made.
#   app              unpacks our program (.gpu/app) and this script
#   join NAME        joins $DEVICE_HOME/pieces/NAME.* : payload (node, models, data), trt10 and trt8 (TensorRT's jars), peers
#   smoke            what probe says of the machine
#   prepare          what needs no GPU: the transformer is written
#   start SECONDS [GPU TASK…]   the tasks (all of them, in the order of value, where none is named) on that GPU, in the
#                    background, until the time is up. A task is measure:NAME, overhead:NAME, warm:NAME (NAME as in `runs`),
#                    int4, peers, tensorrt8, level3, soak, or a function of .gpu/app/experiments.sh
#   wait SECONDS     watches it and puts what is there into $OUT: one archive of results and the log
# Builders time kernels, so nothing else may run on the same GPU: two builds side by side take ten times as long, and pick
# other kernels. A machine of several GPUs takes one `start` each; what is compared is of one GPU, since a name is measured by
# one task. Whatever is done is kept: `start` goes on where it was when it is called again.
set -u
home=${DEVICE_HOME:-/root}
work=$home/work
results=$work/results
out=${OUT:-$work/out}
app=$home/app/dist
node=$home/node
cli="$node $app/cli.cjs"
variants=tf32,fp16,fp16-weak,int8,int8-tensorrt

# What is measured, in this order. name|onnx|calibration|evaluation|preprocess|input|output|optimization level|batch
runs="transformer|transformer.onnx|transformer-calib.npz|transformer-eval.npz|none|x|y|3|1
transformer-batch32|transformer.onnx|transformer-calib.npz|transformer-eval.npz|none|x|y|3|32
lite0-batch32|efficientnet-lite0.onnx|imagenet/calib.csv|imagenet/eval.csv|efficientnet-lite|input|logits|3|32
rec-batch32|PP-OCRv6_rec_small.onnx|ocr/calib.csv|ocr/eval.csv|ppocr-rec|x|fetch_name_0|1|32
digits|digits_resnet_tiny.onnx|digits/digits_calib.npz|digits/digits_test.npz|none|input|logits|3|1"
# For a rehearsal: ONLY='digits|rec-batch32', MORE='--eval-samples 16'
[ -z "${ONLY:-}" ] || runs=$(grep -E "^(${ONLY})\|" <<<"$runs")

use_tensorrt() { # FOLDER HOME
  export TENSORRT_ROOT=$1 PRECISION_BENCH_HOME=$2
  export LD_LIBRARY_PATH=$1:/usr/local/nvidia/lib64:${DEVICE_LD_LIBRARY_PATH:-}
}
use_tensorrt ${TENSORRT_ROOT:-$home/trt10} $work/home

deadline=${DEADLINE:-$((SECONDS + 540))}
left() { echo $((deadline - SECONDS)); }
say() { echo "$(date +%T) $* ($(left) s left)" >>$work/log; }

# A step whose result is there is not repeated; one that has no time left is not begun.
step() { # RESULT NEEDED_SECONDS COMMAND…
  local result=$1 needed=$2
  shift 2
  [ -s $result ] && return 0
  [ $(left) -gt $needed ] || { say "no time for $result"; return 1; }
  say "$result"
  timeout -s INT -k 20 $(left) "$@" >>$work/log 2>&1
  say "$result: rc $?"
  [ -s $result ]
}

# One conversion as a user makes it. The latencies that count are those of all engines in turns (`measure`), so its own are short.
convert() { # NAME LINE arguments…
  local name=$1 onnx calib eval preprocess input output level batch
  IFS='|' read -r _ onnx calib eval preprocess input output level batch <<<"$2"
  shift 2
  step $work/$name/report.json 20 $cli convert $home/models/$onnx --data $home/data/$calib --eval-data $home/data/$eval \
    --preprocess "$preprocess" --backend tensorrt --batch $batch --optimization-level ${LEVEL:-$level} --calib-batch-size 8 \
    --timing-cache $work/$name.timing --warmup-ms 300 --duration-ms 300 --iterations 30 --out $work/$name --quiet ${MORE:-} "$@"
}

collect() { $node $app/collect.cjs $work $1 $results/$1.json >>$work/log 2>&1; }

measure() { # LINE
  local name input output
  IFS='|' read -r name _ _ _ _ input output _ <<<"$1"
  convert $name "$1" --precisions $variants || return 0
  collect $name
  convert $name-io16 "$1" --precisions fp16 --io $input=fp16 --io $output=fp16
  step $work/$name.turns.json 20 $node $app/turns.cjs $work/$name $work/$name-io16 $work/$name.turns.json 2
  collect $name
  step $work/$name.again.json 10 $node $app/rebuild.cjs again $work/$name $work/$name.again.json
  collect $name
}

# Our runner against the bare loop, on the strongly typed FP16 engine.
overhead() { # LINE
  local name=${1%%|*} batch=${1##*|} engine
  engine=$(ls $work/$name/*.fp16.engine 2>/dev/null | head -1)
  [ -n "$engine" ] || return 0
  step $work/$name.overhead.json 40 $node $app/overhead.cjs $home/app/bare_loop $TENSORRT_ROOT/libnvinfer.so.10 $engine $batch \
    $work/$name.overhead.json 3 1
  collect $name
}

# The same engines once more: none is kept, but the kernels' timings are.
warm() { # LINE
  local name=${1%%|*}
  [ -s $work/$name/report.json ] || return 0
  PRECISION_BENCH_HOME=$work/home-warm-$name step $work/$name.warm.json 40 \
    $node $app/rebuild.cjs warm $work/$name $work/$name.warm.json
  rm -rf $work/home-warm-$name
  collect $name
}

line() { grep "^$1|" <<<"$runs"; }

peers() {
  local name=${PEERS_OF:-rec-batch32}
  [ -d $home/peers ] && [ -s $work/$name/report.json ] || { say "no files of peers"; return 0; }
  step $results/$name-peers.json 60 $node $app/peers.cjs $work/$name $home/peers $results/$name-peers.json 2
}

# The recognizer's FP16 engines at the default level, whose builds are long.
level3() {
  local name=rec-batch32-level3
  [ -n "$(line rec-batch32)" ] || return 0
  LEVEL=3 convert $name "$(line rec-batch32)" --precisions fp16,fp16-weak || return 0
  step $work/$name.turns.json 20 $node $app/turns.cjs $work/$name none $work/$name.turns.json 2
  collect $name
}

# 4-bit weights have no counterpart among the others: FP16 beside them, as a run of its own.
int4() {
  local name=transformer-batch32-int4
  [ -n "$(line transformer-batch32)" ] || return 0
  convert $name "$(line transformer-batch32)" --precisions fp16,int4 || return 0
  step $work/$name.turns.json 20 $node $app/turns.cjs $work/$name none $work/$name.turns.json 2
  collect $name
}

# Does TensorRT 8.6 load, build and run here? What it says is the result, whatever it is.
tensorrt8() {
  [ -d $home/trt8 ] || { say "no TensorRT 8"; return 0; }
  (
    use_tensorrt $home/trt8 $work/home-8
    [ -s $results/tensorrt8-probe.txt ] || timeout 120 $cli probe >$results/tensorrt8-probe.txt 2>&1
    convert digits-tensorrt8 "$(line digits)" --precisions fp16,int8,int8-tensorrt
    [ -s $work/digits-tensorrt8/report.json ] && collect digits-tensorrt8
  )
}

# 200 engines in one process, 20 builds cancelled, a worker killed in the middle of a build
soak() {
  step $results/soak.json 60 bash -c "$node $app/soak.cjs $home/models/digits_resnet_tiny.onnx $work ${1:-200} ${2:-20} >$work/soak.json && mv $work/soak.json $results/"
  # Kill -9 of the worker in the middle of a build: a coded error, and the next build works.
  [ $(left) -gt 40 ] || return 0
  local onnx calib preprocess converting
  rm -rf $work/killed
  IFS='|' read -r _ onnx calib _ preprocess _ <<<"$(line digits)"
  PRECISION_BENCH_HOME=$work/home-killed $cli convert $home/models/$onnx --data $home/data/$calib --preprocess $preprocess \
    --precisions fp16 --backend tensorrt --optimization-level 5 --out $work/killed --quiet >$results/killed.txt 2>&1 &
  converting=$!
  sleep 8
  kill -9 $(pgrep -P $converting) # its worker
  wait $converting
  echo "rc $?" >>$results/killed.txt
}

prepare() {
  [ -s $home/models/transformer.onnx ] || { $node $app/transformer.cjs $home/models && mv $home/models/*.npz $home/data/; }
  nvidia-smi --query-gpu=index,name,driver_version,clocks.sm,clocks.mem,temperature.gpu,power.draw --format=csv | tee -a $work/log
}

all_tasks() {
  local each
  while read -r each; do echo measure:${each%%|*}; done <<<"$runs"
  echo overhead:digits overhead:lite0-batch32 int4 peers tensorrt8
  for each in digits transformer lite0-batch32 rec-batch32; do echo warm:$each; done
  # The last two again: pieces that came meanwhile.
  echo level3 peers tensorrt8 warm:transformer-batch32 soak
}

everything() { # GPU TASK…
  local each
  export CUDA_VISIBLE_DEVICES=$1
  shift
  for each in ${*:-$(all_tasks)}; do
    case $each in
    *:*) [ -z "$(line ${each#*:})" ] || ${each%%:*} "$(line ${each#*:})" ;;
    *) $each ;;
    esac
  done
  say "finished on GPU $CUDA_VISIBLE_DEVICES"
}

pack() {
  cp $work/log $out/log.txt
  tar czf $out/results.tgz -C $work results log $(cd $work && ls */*.passport.json 2>/dev/null) 2>/dev/null
}

join() {
  local name=$1 folder=$home/$1
  case $name in
  payload) cat $home/pieces/payload.* | tar xz -C $home ;;
  peers) mkdir -p $folder && cat $home/pieces/peers.* | tar xz -C $folder ;;
  trt*) # a jar
    # Aside until it is whole, since `start` looks for the folder.
    mkdir -p $folder.part
    cat $home/pieces/$name.* >$home/$name.zip && rm $home/pieces/$name.*
    python3 - $home/$name.zip $folder.part <<'PY'
import os, shutil, sys, zipfile
for info in zipfile.ZipFile(sys.argv[1]).infolist():
    if info.filename.startswith('org/bytedeco/tensorrt/linux-x86_64/lib'):
        with zipfile.ZipFile(sys.argv[1]).open(info) as source, open(os.path.join(sys.argv[2], os.path.basename(info.filename)), 'wb') as target:
            shutil.copyfileobj(source, target, 1 << 24)
PY
    rm $home/$name.zip && mv $folder.part $folder && ls -la $folder
    ;;
  esac
  rm -f $home/pieces/$name.*
}

# Tasks of one session, functions of their own, which are carried beside the app and not kept.
[ ! -f $home/experiments.sh ] || . $home/experiments.sh

mkdir -p $work $results $out $home/pieces
touch $work/log $work/background $work/lanes
case "${1:?step}" in
app)
  mkdir -p $home/app && tar xzf .gpu/app/app.tgz -C $home/app && cp test/device/onDevice.sh .gpu/app/*.sh $home/
  ;;
join) join ${2:?name} ;;
smoke)
  nvidia-smi --query-gpu=name,driver_version,clocks.sm,temperature.gpu --format=csv
  $cli probe
  ;;
prepare) prepare ;;
start)
  prepare
  say "started for $2 s on GPU ${3:-0}"
  echo >>$work/lanes
  # A session of its own, which the end of this call leaves alone; the copy of this script, which later calls do not replace.
  cd $home && setsid bash $home/onDevice.sh everything "${@:2}" </dev/null >>$work/background 2>&1 &
  sleep 1
  ;;
everything)
  deadline=$((SECONDS + ${2:?seconds}))
  everything ${3:-0} "${@:4}"
  ;;
wait)
  deadline=$((SECONDS + ${2:?seconds}))
  while [ $(left) -gt 0 ] && [ $(grep -c 'finished on GPU' $work/log) -lt $(grep -c '' $work/lanes) ]; do
    sleep 2
    [ $((SECONDS % 30)) -gt 1 ] || pack
  done
  pack
  tail -n 60 $work/log; tail -n 20 $work/background
  ;;
esac
