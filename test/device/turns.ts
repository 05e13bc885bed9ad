/**
 * The engines of two runs (all variants; FP16 with inputs and outputs in FP16) timed in turns in one measurement, so that any
 * two of them may be compared.
 *
 *     node turns.cjs RUN IO16_RUN OUT.json [SECONDS]      Latency by name, as the stage `measure` gives it
 */
import { existsSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { FinishedRun, Stages } from './finishedRun';
import { halfBindingsName, measuredName } from './variantNames';
import { script } from './script';

const [folder = '', halfFolder = '', out = '', seconds = '2'] = process.argv.slice(2);

async function main(): Promise<void> {
  const run = new FinishedRun(folder);
  const variants = run.engines(measuredName);
  if (existsSync(path.join(halfFolder, 'report.json'))) {
    variants.push(...new FinishedRun(halfFolder).engines(halfBindingsName));
  }
  const benchmark = { ...run.report.plan.benchmark, durationMs: 1000 * Number(seconds) };
  const latency = await Stages.with(async (stages) => {
    const { evaluation } = await stages.data(run);
    return stages.ask('measure', { variants, data: evaluation, benchmark });
  });
  writeFileSync(out, `${JSON.stringify(latency, null, 1)}\n`);
}

script(main);
