/**
 * Joins the reports of one model's runs into the one that is committed under docs/measurements, and writes the page.
 *
 *     node collect.cjs WORK MODEL BATCH OUT      OUT/MODEL.json, or MODEL-batchN.json beside batch 1
 *     node collect.cjs --page OUT                OUT/table.md from every JSON there
 *
 * WORK/MODEL-bBATCH/report.json is the run of all variants in turns; `-io16` and `-weights-float` are runs of their own,
 * each beside its own FP32 engine, so only their ratios may be compared. Bundled by `run.mjs`, called by `onDevice.sh`.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import type { Report, Variant } from '../../extension/contract/report';

/** Names of the measurements; a variant's own name stays where it says the same. */
const names: Readonly<Record<string, string>> = { fp16: 'fp16-strong', int8: 'int8-qdq' };
const asides: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  io16: { fp16: 'fp16-io16' },
  'weights-float': { int8: 'int8-qdq-weights-float' },
  'weights-quantized': { int8: 'int8-qdq-weights-quantized' },
};

function readReport(folder: string): Report | null {
  const file = path.join(folder, 'report.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Report) : null;
}

function readJson(file: string): unknown {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as unknown) : null;
}

/** Seconds that the same engine took with the timings of the first build. */
function warmSeconds(folder: string): Record<string, number | null> {
  const warm = readReport(`${folder}-warm`);
  return Object.fromEntries(
    (warm?.variants ?? []).map(({ name, build }) => [names[name] ?? name, build?.seconds ?? null]),
  );
}

function collect(work: string, model: string, batch: string, out: string): void {
  const folder = path.join(work, `${model}-b${batch}`);
  const report = readReport(folder);
  if (report === null) throw new Error(`There is no report of ${folder}.`);
  const variants: Variant[] = report.variants.map((variant) => ({
    ...variant,
    name: names[variant.name] ?? variant.name,
  }));
  for (const [aside, wanted] of Object.entries(asides)) {
    for (const variant of readReport(`${folder}-${aside}`)?.variants ?? []) {
      const name = wanted[variant.name];
      if (name !== undefined) variants.push({ ...variant, name });
    }
  }
  const measured = {
    ...report,
    variants,
    device: { warmBuildSeconds: warmSeconds(folder), overhead: readJson(`${folder}.overhead.json`) },
  };
  mkdirSync(out, { recursive: true });
  const file = path.join(out, `${model}${batch === '1' ? '' : `-batch${batch}`}.json`);
  writeFileSync(file, `${JSON.stringify(measured, null, 2)}\n`);
}

const digits = (value: number | null | undefined, places: number): string => value?.toFixed(places) ?? '–';

/** One row a variant: what a reader asks first. */
function rows(file: string): string[] {
  const report = JSON.parse(readFileSync(file, 'utf8')) as Report;
  const label = path.basename(file, '.json');
  return report.variants.map(({ name, latency, accuracy, build, error, speedup }) => {
    const realised = Object.entries(build?.realised ?? {})
      .map(([type, { time }]) => `${type} ${digits(time, 2)}`)
      .join(', ');
    const sqnr = accuracy?.outputs[0]?.sqnrDb;
    const cells = [
      label,
      name,
      error === null ? digits(latency?.medianMs, 4) : error.code,
      digits(latency?.p99Ms, 4),
      latency === null ? '–' : `${(100 * latency.cov).toFixed(1)} %`,
      digits(speedup, 2),
      digits(build?.seconds, 1),
      realised || '–',
      digits(sqnr, 2),
      digits(accuracy?.task?.top1, 4),
      digits(accuracy?.task?.agreement, 4),
    ];
    return `| ${cells.join(' | ')} |`;
  });
}

function page(out: string): void {
  const files = readdirSync(out).filter((name) => name.endsWith('.json') && !name.startsWith('soak'));
  const titles = [
    'model',
    'variant',
    'median ms',
    'p99',
    'CoV',
    'speedup',
    'build s',
    'realised, share of time',
    'SQNR dB',
    'top-1',
    'agreement',
  ];
  const lines = [
    `| ${titles.join(' | ')} |`,
    `|${' --- |'.repeat(titles.length)}`,
    ...files.flatMap((name) => rows(path.join(out, name))),
  ];
  writeFileSync(path.join(out, 'table.md'), `${lines.join('\n')}\n`);
}

const [first = '', second = '', third = '1', fourth = ''] = process.argv.slice(2);
if (first === '--page') page(second);
else collect(first, second, third, fourth);
