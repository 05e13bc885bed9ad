/**
 * Our runner against the bare loop (`native/bench/bare_loop.cpp`) on one engine: both replay a graph and poll for its end, with the
 * data on the GPU, in turns. Ours is timed with the copies of inputs and outputs in every run, too, as reports have it.
 *
 *     node overhead.cjs BARE_LOOP LIBNVINFER ENGINE BATCH OUT.json [ROUNDS] [SECONDS]
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { completePlan } from '../../extension/contract/checkSchema';
import { Stages } from './finishedRun';
import { script } from './script';

const [bareLoop = '', library = '', engine = '', batch = '1', out = '', rounds = '3', seconds = '2'] =
  process.argv.slice(2);

interface Round {
  readonly bareMs: number;
  readonly oursMs: number;
  readonly oursWithCopiesMs: number;
}

script(async () => {
  const benchmark = {
    ...completePlan({ model: engine }).benchmark,
    ...{ batch: Number(batch), warmupMs: 500, durationMs: 1000 * Number(seconds), iterations: 100, spin: true },
  };
  const found: Round[] = [];
  await Stages.with(async (stages) => {
    const median = async (transfers: boolean): Promise<number> => {
      const name = 'ours';
      const file = {
        name,
        path: engine,
        simulated: false,
        transfers,
        engine: { backend: 'tensorrt' as const, path: engine },
      };
      const { results, errors } = await stages.ask('measure', { variants: [file], data: null, benchmark });
      const latency = results[name];
      if (latency === undefined) throw new Error(errors[name]?.reason ?? 'nothing was measured');
      return latency.medianMs;
    };
    for (let round = 0; round < Number(rounds); round++) {
      const options = [library, engine, '--graph', '--seconds', seconds, '--batch', batch];
      const bare = JSON.parse(execFileSync(bareLoop, options, { encoding: 'utf8' })) as { medianMs: number };
      found.push({ bareMs: bare.medianMs, oursMs: await median(false), oursWithCopiesMs: await median(true) });
      writeFileSync(out, `${JSON.stringify(found, null, 1)}\n`);
    }
  });
});
