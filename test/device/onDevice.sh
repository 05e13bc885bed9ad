#!/usr/bin/env bash
# The steps on the device machine, in this order; each is one call (run.mjs says how the files get there):
#   app       unpacks our program (.gpu/app), every call that brings a new one
#   payload   joins /root/pieces/P.*: node, models, data, onnxruntime-node
#   unpack    joins /root/pieces/piece.*: TensorRT's jar
#   convert   starts `convert --backend onnxruntime` of every model in the background (it needs no GPU)
#   smoke     digits: engines, timings and accuracy at batch 1
#   pipeline  digits: `convert --backend tensorrt`, as a user would
#   build     starts the builds of every model in the background
#   wait SEC  waits for them, at most SEC seconds
#   measure   measures everything on the quiet GPU, one model after the other; results go to $OUT
set -u
models="digits lite0 rec cls"
home=/root
work=$home/work
export TENSORRT_ROOT=$home/trt
export LD_LIBRARY_PATH=$home/trt:/usr/local/nvidia/lib64:${LD_LIBRARY_PATH:-}
node=$home/node
app=$home/app/dist
mkdir -p $work $home/pieces $home/trt

convert() { # NAME MODEL DATA EVAL PREPROCESS
  timeout 900 $node $app/cli.cjs convert $home/models/$2 --data $home/data/$3 --eval-data $home/data/$4 --preprocess "$5" \
    --precisions fp16,int8 --backend onnxruntime --warmup-ms 0 --duration-ms 1 --out $work/$1 --quiet >$work/$1.convert.log 2>&1
  echo "rc $?" >>$work/$1.convert.log
}

case "${1:?step}" in
app)
  mkdir -p $home/app && tar xzf .gpu/app/app.tgz -C $home/app
  ;;
unpack)
  (cd $home && cat pieces/piece.* >t.zip && rm pieces/piece.* && python3 - <<'PY'
import zipfile, os, shutil
for info in (z := zipfile.ZipFile('/root/t.zip')).infolist():
    if info.filename.startswith('org/bytedeco/tensorrt/linux-x86_64/lib'):
        with z.open(info) as source, open('/root/trt/' + os.path.basename(info.filename), 'wb') as target:
            shutil.copyfileobj(source, target, 1 << 24)
PY
    rm t.zip && ls -la trt)
  ;;
payload)
  (cd $home && cat pieces/P.* | tar xz --strip-components=1 && rm pieces/P.* && ./node --version)
  ;;
convert)
  export -f convert; export home work node app
  setsid nohup bash -c 'convert digits digits_resnet_tiny.onnx digits/digits_calib.npz digits/digits_test.npz none
    convert lite0 efficientnet-lite0.onnx imagenet/calib.csv imagenet/eval.csv efficientnet-lite
    convert cls ch_ppocr_mobile_v2.0_cls_infer.onnx ocr/cls-calib.csv ocr/cls-eval.csv ppocr-cls
    convert rec PP-OCRv6_rec_small.onnx ocr/calib.csv ocr/eval.csv ppocr-rec' >/dev/null 2>&1 </dev/null &
  ;;
smoke)
  nvidia-smi --query-gpu=name,driver_version,clocks.sm,temperature.gpu --format=csv
  tail -n 3 $work/*.convert.log
  $node $app/cli.cjs probe
  time $node $app/measureEngines.cjs build digits 1 $work
  $node $app/measureEngines.cjs measure digits 1 $work $OUT
  head -c 3000 $work/digits/b1/int8-qdq.inspector.json
  ;;
pipeline)
  time $node $app/cli.cjs convert $home/models/digits_resnet_tiny.onnx --data $home/data/digits/digits_calib.npz \
    --eval-data $home/data/digits/digits_test.npz --preprocess none --precisions fp16,int8 --backend tensorrt --out $work/pipeline --quiet
  cp $work/pipeline/report.json $OUT/pipeline.json
  ;;
build)
  # One argument a lane, as "lite0:32 rec:1": the lanes run side by side and slow each other down, since building is
  # mostly timing on the GPU (eight at once took ten times as long as one). An engine that is there is kept.
  for lane in "${@:2}"; do
    setsid nohup bash -c "for job in $lane; do
        $node $app/measureEngines.cjs build \${job%:*} \${job#*:} $work >>$work/\${job%:*}.b\${job#*:}.build.log 2>&1
      done" >/dev/null 2>&1 </dev/null &
  done
  ;;
wait)
  sleep ${2:?seconds}
  tail -n 2 $work/*.convert.log
  cat $work/*.build.log | cut -c1-300
  ;;
all)
  # Everything after the unpacking in one call: builds for SECONDS, then the GPU is left to the measurements.
  deadline=$((SECONDS + ${2:?seconds}))
  lane() { # MODEL BATCH [VAR=VALUE…], three to a job
    while [ $# -gt 0 ]; do
      local left=$((deadline - SECONDS))
      [ $left -gt 5 ] && env $3 timeout -s KILL $left $node $app/measureEngines.cjs build $1 $2 $work >>$work/$1.b$2.build.log 2>&1
      shift 3
    done
  }
  most="VARIANTS=fp32,int8-qdq,fp16-strong,fp16-weak"
  lane lite0 32 $most &
  lane lite0 1 $most &
  lane digits 1 LEVEL=3 digits 32 $most cls 1 $most &
  lane rec 32 "LEVEL=1 VARIANTS=int8-qdq,fp16-strong,fp32" cls 32 "LEVEL=1 $most" &
  wait
  cut -c1-200 $work/*.build.log
  measured() { # MODEL BATCH [VAR=VALUE]
    [ -s $work/$1/b$2/builds.json ] || return
    env $3 timeout -s KILL 100 $node $app/measureEngines.cjs measure $1 $2 $work $work/results 2>&1 | tee -a $work/measure.log
    tar czf $OUT/results.tgz -C $work results measure.log
    tar czf $OUT/layers.tgz -C $work $(cd $work && ls -d */b*/layers.json */b*/builds.json)
  }
  mkdir -p $work/results
  for model in $models; do cp $work/$model/report.json $work/results/cpu-$model.json; done
  nvidia-smi --query-gpu=clocks.sm,clocks.mem,temperature.gpu,power.draw --format=csv
  measured lite0 32 LEVEL=3
  measured lite0 1 ACCURACY=no
  measured digits 1 ACCURACY=no
  measured digits 32 LEVEL=3
  measured rec 32 LEVEL=1
  measured cls 32 LEVEL=1
  measured cls 1 ACCURACY=no
  tar czf $OUT/inspector.tgz -C $work $(cd $work && ls -d */b*/int8-qdq.inspector.json */b*/fp16-strong.inspector.json *.log)
  ;;
measure)
  nvidia-smi --query-gpu=name,driver_version,clocks.sm,clocks.mem,temperature.gpu,power.draw --format=csv
  for model in ${2:-$models}; do
    for batch in ${3:-1 32}; do
      [ -s $work/$model/b$batch/builds.json ] || continue
      timeout 150 $node $app/measureEngines.cjs measure $model $batch $work $work/results 2>&1 | tee -a $work/measure.log
    done
  done
  nvidia-smi --query-gpu=clocks.sm,clocks.mem,temperature.gpu,power.draw --format=csv,noheader
  for model in $models; do cp $work/$model/report.json $work/results/cpu-$model.json; done
  (cd $work && tar czf $OUT/results.tgz results measure.log ./*.log)
  (cd $work && tar czf $OUT/layers.tgz */b*/layers.json */b*/builds.json */b*/*.inspector.json)
  ;;
esac
