/**
 * Drives the generality tests: `npm run test:ops` (single-operator tests of the onnx package) and `npm run test:random`.
 *
 *   node test/generality/run.mjs ops    [--filter TEXT] [--fresh]
 *   node test/generality/run.mjs random [--seeds N] [--from N] [--fresh]
 *
 * Cases run in a child process that is replaced when it dies or hangs. Outcomes are appended to a file in the cache folder,
 * one JSON line each, so an interrupted run goes on where it stopped; --fresh starts over. Exit code 1 when a case failed.
 */
import { build } from 'esbuild';
import { fork } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { nodeBundle } from '../../scripts/bundleOptions.mjs';
import { casesFolder, resultsFolder } from './environment.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const caseTimeoutMs = 120_000;
/** Sessions leave some memory behind; a fresh child now and then keeps it flat. */
const casesPerChild = 250;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    filter: { type: 'string', default: '' },
    seeds: { type: 'string', default: '2000' },
    from: { type: 'string', default: '1' },
    fresh: { type: 'boolean', default: false },
  },
});
const suite = positionals[0];
if (suite !== 'ops' && suite !== 'random') {
  console.error('usage: run.mjs ops|random [options]');
  process.exit(2);
}

const results = path.join(resultsFolder, suite);
const outcomesFile = path.join(results, 'outcomes.jsonl');
if (values.fresh) rmSync(results, { recursive: true, force: true });
mkdirSync(results, { recursive: true });

const requests = suite === 'ops' ? opRequests() : randomRequests();
const known = new Map(readOutcomes().map((outcome) => [outcome.name, outcome]));
const open = requests.filter(({ name }) => !known.has(name));
console.log(`${requests.length} cases, ${requests.length - open.length} of them done before`);

const bundle = path.join(root, 'build', 'generality', `caseProcess.${process.pid}.cjs`);
await build({
  ...nodeBundle,
  sourcemap: 'inline',
  entryPoints: [path.join(root, 'test/generality/caseProcess.ts')],
  outfile: bundle,
});
process.on('exit', () => rmSync(bundle, { force: true }));

let child = null;
let served = 0;
for (const [index, request] of open.entries()) {
  const outcome = await runCase(request);
  known.set(outcome.name, outcome);
  appendFileSync(outcomesFile, `${JSON.stringify(outcome)}\n`);
  if (outcome.status === 'failed') console.log(`FAILED ${outcome.name}: ${outcome.reason?.slice(0, 600)}`);
  if ((index + 1) % 100 === 0) console.log(`${index + 1} of ${open.length}`);
}
child?.kill();
process.exitCode = summarize();

async function runCase(request) {
  if (served >= casesPerChild) {
    child?.kill();
    child = null;
  }
  if (child === null) {
    // Without the inherited flags and with its own output: a library that prints before it dies is heard.
    child = fork(bundle, { execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'], serialization: 'advanced' });
    served = 0;
  }
  served += 1;
  const current = child;
  return new Promise((resolve) => {
    let words = '';
    const onWords = (chunk) => (words = (words + chunk).slice(-2000));
    const failed = (reason) => {
      child = null;
      current.kill('SIGKILL');
      finish({ name: request.name, operators: [], opset: 0, status: 'failed', reason, variants: [] });
    };
    const timer = setTimeout(() => failed(`no result within ${caseTimeoutMs / 1000} s`), caseTimeoutMs);
    const onExit = (code, signal) => failed(`the process died (${signal ?? code}): ${words.trim()}`);
    const finish = (outcome) => {
      clearTimeout(timer);
      current.off('exit', onExit);
      current.off('message', finish);
      current.stderr.off('data', onWords);
      resolve(outcome);
    };
    current.stderr.on('data', onWords);
    current.once('exit', onExit);
    current.once('message', finish);
    current.send(request);
  });
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
  if (!existsSync(outcomesFile)) return [];
  const lines = readFileSync(outcomesFile, 'utf8').split('\n');
  return lines.filter((line) => line.endsWith('}')).map((line) => JSON.parse(line));
}

function summarize() {
  const counts = { passed: 0, refused: 0, skipped: 0, failed: 0 };
  for (const { name } of requests) counts[known.get(name).status] += 1;
  console.log(
    Object.entries(counts)
      .map(([status, count]) => `${count} ${status}`)
      .join(', '),
  );
  return counts.failed === 0 ? 0 : 1;
}
