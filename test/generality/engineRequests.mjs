/** What `run.mjs engines` builds: every graph that the other two suites wrote, FP32 first. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { resultsFolder } from './environment.mjs';

const variants = ['prepared', 'fp16', 'bf16', 'int8', 'fp8'];

/**
 * In an order in which a run that is cut short has seen the most: each set of operators once before any comes again.
 * @returns requests; `after` names the FP32 build that must have been accepted
 */
export function engineRequests({ seeds, filter }) {
  const written = [...outcomesOf('ops'), ...outcomesOf('random').filter(({ name }) => seedOf(name) <= Number(seeds))];
  const seen = new Map();
  const ranked = written
    .filter(({ name, status }) => name.includes(filter) && status !== 'skipped')
    .map((outcome) => {
      // Random graphs have operators of their own each; a hundred of them count as much as one set.
      const key = outcome.name.startsWith('seed ') ? 'random' : outcome.operators.join();
      const times = seen.get(key) ?? 0;
      seen.set(key, times + 1);
      return { outcome, rank: key === 'random' ? Math.floor(times / 100) : times };
    });
  return ranked.sort((a, b) => a.rank - b.rank).flatMap(({ outcome }) => requestsOf(outcome));
}

function seedOf(name) {
  return Number(name.split(' ')[1]);
}

function requestsOf({ name, variants: written }) {
  const files = new Map(written.flatMap(({ variant, file }) => (file === null ? [] : [[variant, file]])));
  const first = files.get('prepared');
  if (first === undefined || !existsSync(first)) return [];
  const dims = JSON.parse(readFileSync(path.join(path.dirname(first), 'inputs.json'), 'utf8'));
  return variants
    .filter((variant) => files.has(variant) && existsSync(files.get(variant)))
    .map((variant) => ({
      kind: 'engine',
      name: `${name} ${variant}`,
      file: files.get(variant),
      precision: variant === 'prepared' ? 'fp32' : variant,
      dims,
      ...(variant === 'prepared' ? {} : { after: `${name} prepared` }),
    }));
}

export function outcomesOf(suite) {
  const file = path.join(resultsFolder, suite, 'outcomes.jsonl');
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  const outcomes = lines.filter((line) => line.endsWith('}')).map((line) => JSON.parse(line));
  return [...new Map(outcomes.map((outcome) => [outcome.name, outcome])).values()];
}
