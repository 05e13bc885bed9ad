/**
 * Joins the runs of one model into the report that is committed under docs/measurements.
 *
 *     node collect.cjs WORK NAME OUT.json
 *
 * WORK/NAME/report.json is the run of all variants; what else is there of it is joined in:
 *
 * - WORK/NAME-io16: FP16 with inputs and outputs in FP16, which becomes the variant `fp16-io16`. A plan has one set of
 *   bindings, so it is a run of its own; its accuracy is against the same original model on the same samples.
 * - WORK/NAME.turns.json: latencies of all of them in turns in one measurement. They take the place of those that the runs
 *   measured each for itself, so any two variants of the file may be compared, and the verdict is decided again by the
 *   product's own rules. A variant that was not in turns keeps no latency.
 * - WORK/NAME.warm.json, .again.json, .overhead.json: kept as they are under `device`.
 *
 * Prints a line a variant. Bundled by `run.mjs`, called by `onDevice.sh` after every step.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { decideVerdict } from '../../extension/compare/verdict';
import type { Latency, Report, Variant } from '../../extension/contract/report';
import type { PerVariant } from '../../extension/contract/stageMethods';
import { halfBindingsName, measuredName } from './variantNames';

const [work = '', name = '', out = ''] = process.argv.slice(2);

/** Null where the step was not reached. */
function read<T>(file: string): T | null {
  const full = path.join(work, file);
  return existsSync(full) ? (JSON.parse(readFileSync(full, 'utf8')) as T) : null;
}

function joined(run: Report): Variant[] {
  const half = read<Report>(`${name}-io16/report.json`)?.variants ?? [];
  const turns = read<PerVariant<Latency>>(`${name}.turns.json`);
  const variants = [
    ...run.variants.map((variant) => ({ ...variant, name: measuredName(variant) })),
    ...half.flatMap((variant) => {
      const kept = halfBindingsName(variant);
      // Its own run's FP32 has other bindings and is in no turns with the others.
      return kept === null ? [] : [{ ...variant, name: kept, latency: null, speedup: null }];
    }),
  ];
  if (turns === null) return variants;
  const fp32 = turns.results['fp32']?.medianMs;
  return variants.map((variant) => {
    const latency = turns.results[variant.name] ?? null;
    const speedup = latency === null || fp32 === undefined ? null : fp32 / latency.medianMs;
    return { ...variant, latency, speedup, error: variant.error ?? turns.errors[variant.name] ?? null };
  });
}

const run = read<Report>(`${name}/report.json`);
if (run === null) throw new Error(`There is no report of ${path.join(work, name)}.`);
const variants = joined(run);
const { plan, model, data } = run;
const verdict = decideVerdict({ variants, plan, model, representative: data.representative });
const device = {
  latencyInTurns: read(`${name}.turns.json`) !== null,
  warmTimingCache: read(`${name}.warm.json`),
  askedAgain: read(`${name}.again.json`),
  overhead: read(`${name}.overhead.json`),
};
mkdirSync(path.dirname(out), { recursive: true });
writeFileSync(out, `${JSON.stringify({ ...run, variants, verdict, device }, null, 2)}\n`);
for (const { name: variant, latency, accuracy, build, error } of variants) {
  const sqnr = accuracy?.outputs[0]?.sqnrDb?.toFixed(1) ?? '–';
  const cells = [latency?.medianMs.toFixed(4) ?? '–', `${sqnr} dB`, accuracy?.task?.top1 ?? '–', build?.seconds ?? '–'];
  console.log([path.basename(out, '.json'), variant, ...cells, error?.reason ?? ''].join(' | '));
}
