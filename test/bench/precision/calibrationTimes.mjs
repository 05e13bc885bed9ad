/**
 * `npm run bench:calibration`: calibration times, ours and ONNX Runtime's in turn on the same samples.
 *
 *     npm run bench:calibration -- [--model sample,digits,lite0,v6rec,cls,silero]
 *                                  [--algorithms minmax,percentile,entropy,entropy2048] [--repeats 5] [--write]
 *
 * Both sides are a fresh process each time. What counts for theirs is the time from the call of quantize_static until all
 * ranges are known; for ours the calibrate stage, whole, and the part of it that does the same work (`scalesSeconds`).
 * The machine may be busy: both sides alternate, and the smallest of several repeats is compared, beside processor time.
 * `--write` replaces the rows measured in docs/measurements/calibration-times.json, so that models can be measured one by
 * one (both sides of a row are always of one run), and renders the .md anew. `sample` is the bundled model and needs nothing
 * else; the others need ../shared/models (`exportTask.mjs`).
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { nodeBundle } from '../../../scripts/bundleOptions.mjs';
import { cacheFolder, pythonOf } from './environments.mjs';
import { exportTask, models } from './exportTask.mjs';

const here = import.meta.dirname;
const repository = path.resolve(here, '../../..');
const folder = path.join(cacheFolder, 'calibration-times');
/** Inside the clone, from where the native module is found. */
const bundles = path.join(repository, 'node_modules', '.cache', 'calibration-times');

const results = path.join(repository, 'docs', 'measurements', 'calibration-times');

/**
 * What is held against what: our algorithm, the peer's method, and the share of its time that ours may take (issue 4). The
 * peer's entropy has 128 bins unless told otherwise, which leaves one candidate for the threshold; ours has 4096.
 */
const contests = {
  minmax: { ours: 'minmax', peer: 'minmax', goal: 0.5 },
  percentile: { ours: 'percentile', peer: 'percentile99.99', goal: 0.1 },
  entropy: { ours: 'entropy', peer: 'entropy', goal: 0.1 },
  entropy2048: { ours: 'entropy', peer: 'entropy2048', goal: 0.1 },
};
const allModels = ['sample', 'digits', 'lite0', 'v6rec', 'cls', 'silero'];

const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: 'sample' },
    algorithms: { type: 'string', default: Object.keys(contests).join(',') },
    repeats: { type: 'string', default: '5' },
    write: { type: 'boolean', default: false },
  },
});

const log = (text) => process.stderr.write(`${new Date().toTimeString().slice(0, 8)} ${text}\n`);
const lastJsonLine = (text) => JSON.parse(text.trim().split('\n').at(-1));
const smallest = (list) => Math.min(...list);
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const seconds = (value) => (value < 0.1 ? value.toFixed(3) : value.toFixed(2));
const times = (value) => `${value.toFixed(2)}×`;

async function main() {
  const python = pythonOf('peers', log);
  await bundleOurs();
  mkdirSync(folder, { recursive: true });
  const measured = [];
  for (const name of options.model.split(',')) {
    const task = name === 'sample' ? sampleTask(python) : exportTask(name, python, log);
    for (const algorithm of options.algorithms.split(',')) {
      measured.push(measureRow(name, task, algorithm, python));
      // At once: a run that is cut off keeps the rows that it has finished.
      if (options.write) writeResults(merged(measured));
    }
  }
  process.stdout.write(render(measured));
}

/** The rows of earlier runs with those just measured in their place. */
function merged(measured) {
  const key = ({ model, algorithm }) => allModels.indexOf(model) * 10 + Object.keys(contests).indexOf(algorithm);
  const kept = existsSync(`${results}.json`) ? JSON.parse(readFileSync(`${results}.json`, 'utf8')) : [];
  const fresh = new Set(measured.map(key));
  return [...kept.filter((row) => !fresh.has(key(row))), ...measured].sort((a, b) => key(a) - key(b));
}

function writeResults(rows) {
  writeFileSync(`${results}.json`, `${JSON.stringify(rows, null, 2)}\n`);
  writeFileSync(`${results}.md`, render(rows));
}

async function bundleOurs() {
  await build({
    ...nodeBundle,
    sourcemap: false,
    entryPoints: {
      calibrateOnce: path.join(here, 'calibrateOnce.ts'),
      datasetThread: path.join(repository, 'extension/calibrate/datasets/datasetThread.ts'),
    },
    outdir: bundles,
    outExtension: { '.js': '.cjs' },
  });
}

/** The bundled model with 100 of its pictures. */
function sampleTask(python) {
  const source = path.join(repository, 'media', 'sample');
  const file = (name) => path.join(folder, name);
  const task = {
    model: path.join(source, 'digits_resnet_tiny.onnx'),
    calibration: file('sample-calib.npz'),
    evaluation: file('sample-eval.npz'),
    peerModel: file('sample-prepared.onnx'),
    peerData: file('sample-calib.npz'),
  };
  if (!existsSync(task.peerModel)) {
    run(python, ['calibration_times.py', 'sample', source, task.calibration, task.evaluation]);
    run(python, ['peers.py', 'prepare', 'digits', task.model, task.peerModel, 'full']);
  }
  return { ...task, peerTask: 'digits' };
}

function run(python, [script, ...rest]) {
  const env = { ...process.env, PRECISION_BENCH_MODELS: models };
  return execFileSync(python, [path.join(here, script), ...rest], {
    encoding: 'utf8',
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

function measureRow(name, task, algorithm, python) {
  const peerTask = task.peerTask ?? name;
  const peerModel = task.peerModel ?? path.join(task.folder, 'prepared-full.onnx');
  const peerData = task.peerData ?? path.join(task.folder, 'calib.npz');
  const { ours: ourAlgorithm, peer, goal } = contests[algorithm];
  const attempts = [];
  for (let attempt = 0; attempt < Number(options.repeats); attempt++) {
    const ours = lastJsonLine(
      execFileSync(
        process.execPath,
        [path.join(bundles, 'calibrateOnce.cjs'), task.model, task.calibration, task.evaluation, ourAlgorithm, folder],
        { encoding: 'utf8' },
      ),
    );
    const output = path.join(folder, 'peer.onnx');
    const theirs = lastJsonLine(
      run(python, ['peers.py', 'make', peerTask, `ort-trt-${peer}`, peerModel, peerData, output]),
    );
    const floor = lastJsonLine(run(python, ['calibration_times.py', 'floor', peerTask, peerModel, peerData]));
    attempts.push({ ours, theirs, floor, loadAverage: os.loadavg()[0] });
  }
  const row = judge(name, algorithm, goal, attempts);
  log(`${name} ${algorithm}: ${times(row.scalesRatio)} for the scales, ${times(row.ratio)} in all`);
  return row;
}

function judge(model, algorithm, goal, attempts) {
  const of = (pick) => attempts.map(pick);
  const theirs = smallest(of((one) => one.theirs.calibrationSeconds));
  const scales = smallest(of((one) => one.ours.scalesSeconds));
  const total = smallest(of((one) => one.ours.seconds));
  const floor = smallest(of((one) => one.floor.seconds));
  return {
    model,
    algorithm,
    goal,
    measuredAt: new Date().toISOString(),
    repeats: attempts.length,
    samples: attempts[0].ours.samples,
    secondsOfScales: scales,
    seconds: total,
    theirSeconds: theirs,
    floorSeconds: floor,
    scalesRatio: scales / theirs,
    ratio: total / theirs,
    medianScalesRatio: median(of(({ ours, theirs }) => ours.scalesSeconds / theirs.calibrationSeconds)),
    medianRatio: median(of(({ ours, theirs }) => ours.seconds / theirs.calibrationSeconds)),
    cpuRatio: smallest(of((one) => one.ours.cpuSeconds)) / smallest(of((one) => one.theirs.calibrationCpuSeconds)),
    floorRatio: floor / theirs,
    peakRssBytes: Math.max(...of((one) => one.ours.peakRssBytes)),
    attempts,
  };
}

const algorithmNames = {
  minmax: 'minmax',
  percentile: 'percentile 99.99',
  entropy: 'entropy, theirs with 128 bins (its default)',
  entropy2048: 'entropy, theirs with 2048 bins',
};

function render(rows) {
  const loads = rows.flatMap(({ attempts }) => attempts.map(({ loadAverage }) => loadAverage));
  const line = (row) =>
    `| ${[
      row.model,
      algorithmNames[row.algorithm],
      row.samples,
      `${seconds(row.secondsOfScales)} s`,
      `${seconds(row.seconds)} s`,
      `${seconds(row.theirSeconds)} s`,
      `${times(row.scalesRatio)} (${times(row.medianScalesRatio)})`,
      `${times(row.ratio)} (${times(row.medianRatio)})`,
      times(row.cpuRatio),
      `${seconds(row.floorSeconds)} s, ${times(row.floorRatio)}`,
      `${row.goal}×`,
      verdict(row),
      row.repeats,
      row.measuredAt.slice(0, 16).replace('T', ' '),
    ].join(' | ')} |`;
  return `# Calibration times beside ONNX Runtime's

${os.cpus()[0].model}, ${os.cpus().length} cores. Smallest of the repeats, which alternate between both sides; in parentheses the median of the ratios pair by pair. Load average ${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}. Written by \`npm run bench:calibration\`; both sides of a row are of one run.

- **scales**: what ONNX Runtime's calibration does too: model read, ranges and histograms observed, thresholds chosen. **all**: with equalization, layer errors for bias correction, and the accuracy guard, which it does not do.
- **CPU**: processor time of all of ours over theirs, which load on the machine hardly changes.
- **bare inference**: inference alone on the same samples, all optimizations, all cores (\`calibration_times.py\`). Where it exceeds the goal, no calibrator that computes every sample can meet it.

| model | algorithm | samples | ours, scales | ours, all | ONNX Runtime | scales ÷ theirs | all ÷ theirs | CPU, all ÷ theirs | bare inference | goal | met | repeats | measured (UTC) |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
${rows.map(line).join('\n')}
`;
}

function verdict({ ratio, scalesRatio, floorRatio, goal }) {
  if (ratio <= goal) return 'yes';
  if (scalesRatio <= goal) return 'scales';
  return floorRatio > goal ? 'no: bare inference is above it' : 'no';
}

await main();
