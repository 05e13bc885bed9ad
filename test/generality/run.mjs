/**
 * Drives the generality tests.
 *
 *   node test/generality/run.mjs ops     [--filter TEXT] [--fresh]         npm run test:ops
 *   node test/generality/run.mjs random  [--seeds N] [--from N] [--fresh]  npm run test:random
 *   node test/generality/run.mjs engines [--seeds N] [--filter TEXT] [--minutes N] [--fresh]
 *   node test/generality/run.mjs check   [--filter TEXT]
 *   node test/generality/run.mjs report
 *
 * `ops` and `random` rewrite, run and compare; `engines` builds what they wrote with TensorRT-RTX for sm_89; `check` runs
 * ONNX's checker over it; `report` writes docs/measurements/generality. Outcomes are
 * appended to files in the cache folder, one JSON line each, so an interrupted run goes on where it stopped; --fresh
 * starts over. Exit code 1 when a case failed.
 */
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { checkModels } from './checkModels.mjs';
import { ChildRunner } from './childRunner.mjs';
import { engineRequests } from './engineRequests.mjs';
import { casesFolder, resultsFolder } from './environment.mjs';
import { writeReport } from './report.mjs';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    filter: { type: 'string', default: '' },
    seeds: { type: 'string', default: '2000' },
    from: { type: 'string', default: '1' },
    minutes: { type: 'string', default: 'Infinity' },
    fresh: { type: 'boolean', default: false },
  },
});
const [suite = ''] = positionals;
const suites = {
  ops: opRequests,
  random: randomRequests,
  engines: () => engineRequests(values),
  check: null,
  report: null,
};
if (!(suite in suites)) {
  console.error('usage: run.mjs ops|random|engines|check|report [options]');
  process.exit(2);
}

const results = path.join(resultsFolder, suite);
const outcomesFile = path.join(results, 'outcomes.jsonl');
if (values.fresh) rmSync(results, { recursive: true, force: true });
mkdirSync(results, { recursive: true });
if (suite === 'report') await writeReport();
else process.exitCode = suite === 'check' ? checkModels(values) : await runAll(suites[suite]());

async function runAll(requests) {
  const known = readOutcomes();
  const open = requests.filter(({ name }) => !known.has(name));
  console.log(`${requests.length} cases, ${requests.length - open.length} of them done before`);
  const runner = await ChildRunner.open();
  const end = performance.now() + Number(values.minutes) * 60_000;
  for (const [index, request] of open.entries()) {
    if (performance.now() > end) break;
    // Variants of what the builder does not take in FP32 either say nothing about the rewriting.
    if (request.after !== undefined && known.get(request.after)?.status !== 'accepted') continue;
    const outcome = await runner.run(request);
    known.set(outcome.name, outcome);
    appendFileSync(outcomesFile, `${JSON.stringify(outcome)}\n`);
    if (outcome.status === 'failed') console.log(`FAILED ${outcome.name}: ${outcome.reason?.slice(0, 600)}`);
    if ((index + 1) % 100 === 0) console.log(`${index + 1} of ${open.length}`);
  }
  runner.close();
  return summarize(requests, known);
}

function summarize(requests, known) {
  const counts = {};
  for (const { name } of requests) {
    const status = known.get(name)?.status ?? 'not run';
    counts[status] = (counts[status] ?? 0) + 1;
  }
  console.log(JSON.stringify(counts));
  return (counts.failed ?? 0) === 0 ? 0 : 1;
}

function opRequests() {
  const cases = casesFolder();
  return readdirSync(cases)
    .flatMap((kind) => readdirSync(path.join(cases, kind)).map((name) => path.join(kind, name)))
    .filter((name) => name.includes(values.filter))
    .sort()
    .map((name) => ({ kind: 'op', name, folder: path.join(cases, name), output: path.join(results, name) }));
}

function randomRequests() {
  return Array.from({ length: Number(values.seeds) }, (_, index) => {
    const seed = Number(values.from) + index;
    return { kind: 'random', name: `seed ${seed}`, seed, output: path.join(results, `seed-${seed}`) };
  });
}

function readOutcomes() {
  if (!existsSync(outcomesFile)) return new Map();
  const lines = readFileSync(outcomesFile, 'utf8').split('\n');
  const outcomes = lines.filter((line) => line.endsWith('}')).map((line) => JSON.parse(line));
  return new Map(outcomes.map((outcome) => [outcome.name, outcome]));
}
