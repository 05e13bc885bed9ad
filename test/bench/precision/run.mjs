/**
 * `npm run bench:precision`: our precisions and calibrators beside the Python tools', on the models of ../shared/models.
 *
 *     npm run bench:precision -- [--model digits,cls] [--side ours|peers] [--only NAME,…] [--run ID]
 *                                [--repeats N] [--cpus 0,1] [--extras] [--extras-only] [--render] [--commit HASH]
 *                                [--measure-only]
 *
 * One run has an id; every row says which run measured it. An interrupted run goes on with `--run ID`; without `--run` a
 * new one starts and everything is measured again, but for scores, which depend only on the model file and the arrays and
 * are kept by their hashes. Processes of one run may measure models side by side, each with `--measure-only`; a last call with
 * `--render` writes the page, on another machine with the commit that was measured. Results: docs/measurements/precision-cpu.{md,json}. Before it: `npm run build`.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { parseArgs } from 'node:util';
import { measureInvariance, measureMemory } from './calibrationChecks.mjs';
import { cacheFolder, pythonOf, versionsOf } from './environments.mjs';
import { exportTask, models } from './exportTask.mjs';
import { judgeGoals } from './goals.mjs';
import { runMeasured } from './measuredProcess.mjs';
import { commandLine, convertVariant, simulated } from './precisionBench.mjs';
import { renderMarkdown } from './renderMarkdown.mjs';
import { ourVariants, peerVariants, tasks } from './variants.mjs';

const here = import.meta.dirname;
const repository = path.resolve(here, '../../..');
const measurements = path.join(repository, 'docs', 'measurements');

/** Calibrations shorter than this are repeated, and the median counts. */
const repeatBelowSeconds = 20;

const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: tasks.join(',') },
    side: { type: 'string', default: 'both' },
    only: { type: 'string' },
    run: { type: 'string' },
    repeats: { type: 'string', default: '3' },
    cpus: { type: 'string' },
    commit: { type: 'string' },
    extras: { type: 'boolean', default: false },
    'extras-only': { type: 'boolean', default: false },
    render: { type: 'boolean', default: false },
    'measure-only': { type: 'boolean', default: false },
  },
});

const log = (text) => process.stderr.write(`${new Date().toTimeString().slice(0, 8)} ${text}\n`);
const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'));
const writeJson = (file, value) => writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
const hashFile = (file) => createHash('sha256').update(readFileSync(file)).digest('hex');

const runId = options.run ?? new Date().toISOString().slice(0, 16).replace(/[-:]/g, '').replace('T', '-');
const runFolder = path.join(cacheFolder, 'runs', runId);
const cpus = options.cpus ?? null;

async function main() {
  if (!existsSync(models)) throw new Error(`There are no models at ${models}; set PRECISION_BENCH_MODELS.`);
  const pythons = { peers: pythonOf('peers', log), modelopt: pythonOf('modelopt', log) };
  mkdirSync(runFolder, { recursive: true });
  if (!options.render) await measure(pythons);
  if (!options['measure-only']) render(pythons);
}

async function measure(pythons) {
  if (options.side !== 'peers' && !existsSync(commandLine)) throw new Error(`${commandLine} is missing: npm run build`);
  log(`run ${runId}`);
  writeJson(path.join(runFolder, 'machine.json'), thisMachine());
  const names = options.model.split(',');
  for (const name of options['extras-only'] ? [] : names) {
    const task = exportTask(name, pythons.peers, log);
    for (const variant of interleaved()) await measureVariant(task, variant, pythons);
  }
  if (options.extras || options['extras-only']) {
    const save = (name, value) => writeJson(path.join(runFolder, `${name}.json`), value);
    for (const name of names.filter((name) => name === 'digits' || name === 'cls')) {
      const task = exportTask(name, pythons.peers, log);
      save(
        `invariance-${name}`,
        await measureInvariance(task, pythons.peers, path.join(runFolder, 'extras', name), log),
      );
    }
    if (names.includes('v6rec')) {
      const task = exportTask('v6rec', pythons.peers, log);
      save('memory', await measureMemory(task, pythons.peers, path.join(runFolder, 'extras', 'memory'), log, cpus));
    }
  }
}

/** Ours and theirs in turn, so that both see the same minutes of the machine. */
function interleaved() {
  const sides = { ours: ourVariants, peers: peerVariants };
  const chosen = Object.entries(sides).map(([side, list]) =>
    options.side !== 'both' && options.side !== side ? [] : list.map((variant) => ({ ...variant, side })),
  );
  const order = [];
  for (let index = 0; index < Math.max(...chosen.map((list) => list.length)); index++) {
    order.push(...chosen.flatMap((list) => list.slice(index, index + 1)));
  }
  const only = options.only?.split(',');
  return order.filter((variant) => only === undefined || only.includes(variant.name));
}

async function measureVariant(task, variant, pythons) {
  const file = path.join(runFolder, task.name, `${variant.name}.json`);
  if (existsSync(file)) return;
  mkdirSync(path.dirname(file), { recursive: true });
  const folder = path.join(cacheFolder, 'work', task.name, variant.name);
  const attempts = [];
  for (let attempt = 0; attempt < Number(options.repeats); attempt++) {
    const once =
      variant.side === 'ours'
        ? await convertVariant(task, variant, folder, cpus)
        : await makePeer(task, variant, folder, pythons);
    attempts.push(once);
    if (once.error !== undefined || once.calibrationSeconds === null || once.processSeconds > repeatBelowSeconds) break;
  }
  const last = attempts.at(-1);
  const list = (key) => attempts.map((one) => one[key] ?? null).filter((value) => value !== null);
  const row = {
    task: task.name,
    ...variant,
    runId,
    measuredAt: new Date().toISOString(),
    loadAverage: os.loadavg()[0],
    error: last.error ?? null,
    calibrationSeconds: list('calibrationSeconds'),
    convertSeconds: list('convertSeconds'),
    processSeconds: list('processSeconds'),
    cpuSeconds: list('cpuSeconds'),
    peakRssBytes: Math.max(0, ...list('peakRssBytes')) || null,
    fileBytes: last.error === undefined ? statSync(last.file).size : null,
    simulated: last.simulated ?? false,
    details: last.details ?? null,
    score: null,
    roundedScore: null,
  };
  if (row.error === null) {
    row.score = score(task, last.scored ?? last.file, pythons);
    if (variant.precision === 'fp16') row.roundedScore = score(task, await simulated(last.file, folder), pythons);
  }
  writeJson(file, row);
  log(`${task.name} ${variant.name}: ${summary(row)}`);
}

function summary(row) {
  if (row.error !== null) return `failed: ${row.error.slice(0, 300)}`;
  const { score } = row;
  const metric =
    score.metrics === undefined
      ? ''
      : Object.entries(score.metrics).map(([key, value]) => `${key} ${value.toFixed(4)}`);
  const seconds = row.calibrationSeconds.map((value) => value.toFixed(2)).join('/');
  return (
    score.error ??
    `${metric} SQNR ${score.sqnrDb?.toFixed(2)} dB, calibration ${seconds} s, ${(row.peakRssBytes / 1e6).toFixed(0)} MB`
  );
}

async function makePeer(task, variant, folder, pythons) {
  mkdirSync(folder, { recursive: true });
  const output = path.join(folder, 'model.onnx');
  const calibration = path.join(task.folder, 'calib.npz');
  const prepared = path.join(
    task.folder,
    variant.name.startsWith('ort-plain') ? 'prepared-plain.onnx' : 'prepared-full.onnx',
  );
  const command =
    variant.environment === 'modelopt'
      ? [
          path.join(here, 'modelopt_peers.py'),
          task.name,
          variant.name,
          path.join(task.folder, 'source.onnx'),
          calibration,
          output,
        ]
      : [path.join(here, 'peers.py'), 'make', task.name, variant.name, prepared, calibration, output];
  const result = await runMeasured([pythons[variant.environment], ...command], {
    cwd: folder,
    cpus,
    env: { ...process.env, PRECISION_BENCH_MODELS: models },
  });
  writeFileSync(path.join(folder, 'stderr.txt'), result.stderr);
  if (result.code !== 0) return { error: result.stderr.trim().split('\n').at(-1) ?? `exit ${result.code}` };
  const { calibrationSeconds, convertSeconds } = JSON.parse(result.stdout.trim().split('\n').at(-1));
  return {
    calibrationSeconds,
    convertSeconds,
    processSeconds: result.seconds,
    cpuSeconds: result.cpuSeconds,
    peakRssBytes: result.peakRssBytes,
    file: output,
  };
}

/** Scores are kept by content: the same file on the same arrays under the same scorer scores the same. */
function score(task, model, pythons) {
  const scorer = hashFile(path.join(here, 'score.py')) + hashFile(path.join(here, 'tasks.py'));
  const data = path.join(task.folder, 'eval.npz');
  const key = createHash('sha256')
    .update([hashFile(model), `${statSync(data).size}`, task.name, scorer].join(' '))
    .digest('hex');
  const file = path.join(cacheFolder, 'scores', `${key}.json`);
  if (existsSync(file)) return readJson(file);
  mkdirSync(path.dirname(file), { recursive: true });
  const output = execFileSync(
    pythons.peers,
    [path.join(here, 'score.py'), 'score', task.name, data, path.join(task.folder, 'source.onnx'), model],
    { encoding: 'utf8', env: { ...process.env, PRECISION_BENCH_MODELS: models } },
  );
  const result = JSON.parse(output.trim().split('\n').at(-1));
  delete result.model;
  writeJson(file, result);
  return result;
}

/** Rows of this run; what it has not measured comes from the newest other run that has, and says so. */
function collectRows() {
  const rows = [];
  for (const task of tasks) {
    for (const variant of [...ourVariants, ...peerVariants]) {
      const file = fromRuns(path.join(task, `${variant.name}.json`));
      if (file !== null) rows.push({ ...readJson(file), ...variant });
    }
  }
  return rows;
}

/** A file of this run, or the newest of the other runs' files of that name, or null. */
function fromRuns(name) {
  const own = path.join(runFolder, name);
  if (existsSync(own)) return own;
  const runs = path.join(cacheFolder, 'runs');
  const files = readdirSync(runs).map((id) => path.join(runs, id, name));
  return files.filter((file) => existsSync(file)).sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0] ?? null;
}

function render(pythons) {
  const rows = collectRows();
  const references = {};
  for (const name of new Set(rows.map((row) => row.task))) {
    const task = exportTask(name, pythons.peers, log);
    const source = path.join(task.folder, 'source.onnx');
    references[name] = { bytes: statSync(source).size, score: score(task, source, pythons) };
  }
  const extras = Object.assign(
    {},
    ...['invariance-digits', 'invariance-cls', 'memory'].map((name) => {
      const file = fromRuns(`${name}.json`);
      return file === null ? {} : { [name]: { runId: path.basename(path.dirname(file)), cases: readJson(file) } };
    }),
  );
  const result = {
    schemaVersion: 1,
    runId,
    renderedAt: new Date().toISOString(),
    machine: readJson(path.join(runFolder, 'machine.json')),
    versions: {
      'precision-bench': options.commit ?? commit(),
      node: process.versions.node,
      'onnxruntime-node': readJson(path.join(repository, 'node_modules/onnxruntime-node/package.json')).version,
      peers: versionsOf(pythons.peers, ['onnxruntime', 'onnx', 'onnxconverter-common', 'numpy']),
      modelopt: versionsOf(pythons.modelopt, ['nvidia-modelopt', 'onnxruntime', 'onnx']),
    },
    references,
    rows,
    extras,
    goals: judgeGoals(rows, references, extras),
  };
  // What the goals' intervals are computed from stays in the run's folder.
  for (const { score, roundedScore } of rows) for (const one of [score, roundedScore]) delete one?.noisePerSample;
  mkdirSync(measurements, { recursive: true });
  writeJson(path.join(measurements, 'precision-cpu.json'), result);
  writeFileSync(path.join(measurements, 'precision-cpu.md'), renderMarkdown(result));
  log(`wrote ${path.join(measurements, 'precision-cpu.md')}`);
}

/** Of the process that measures: rows may be rendered elsewhere. `cpus` are those that every measured process is pinned to. */
function thisMachine() {
  return {
    cpu: os.cpus()[0].model,
    cores: os.cpus().length,
    memoryBytes: os.totalmem(),
    os: `${os.type()} ${os.release()}`,
    cpus: cpus === null ? null : cpus.split(',').length,
  };
}

function commit() {
  const git = (...rest) => execFileSync('git', rest, { cwd: repository, encoding: 'utf8' }).trim();
  return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain', '--', 'extension', 'native') === '' ? '' : ' with uncommitted changes'}`;
}

await main();
