/**
 * The engines of a run, asked for again in one worker process.
 *
 *     node rebuild.cjs warm RUN OUT.json      no engine is kept, but the kernels' timings are: seconds of each build
 *     node rebuild.cjs again RUN OUT.json     the engine is kept: ms of the second ask, the library being open by then
 *
 * `warm` wants a PRECISION_BENCH_HOME without engines, `again` the one of the run. The file is written after each engine.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { FinishedRun, Stages } from './finishedRun';
import { measuredName } from './variantNames';
import { script } from './script';

const [mode = '', folder = '', out = ''] = process.argv.slice(2);

async function main(): Promise<void> {
  const run = new FinishedRun(folder);
  const scratch = mkdtempSync(path.join(tmpdir(), 'rebuild-'));
  const found: Record<string, unknown> = {};
  await Stages.with(async (stages) => {
    const { calibration } = await stages.data(run);
    const { plan, model, variants } = run.report;
    for (const recipe of await stages.recipes(run)) {
      const variant = variants.find(({ name }) => name === recipe.name);
      const onnx = variant === undefined ? null : run.file(variant, 'onnx');
      if (variant === undefined || onnx === null) continue;
      const calibratesItself = recipe.calibrator !== null && recipe.calibrator !== 'builtin';
      const params = {
        ...{ backend: 'tensorrt' as const, onnx, recipe, target: null, plan, sampleDims: run.sampleDims() },
        output: path.join(scratch, `${recipe.name}.engine`),
        calibration: calibratesItself
          ? { data: calibration, modelSha256: model.sha256, cache: null, output: path.join(scratch, 'cache') }
          : null,
      };
      const asks: { readonly wallMs: number; readonly cached: boolean; readonly seconds: number | null }[] = [];
      for (let ask = 0; ask < (mode === 'again' ? 4 : 1); ask++) {
        const start = performance.now();
        const { build } = await stages.ask('build', params);
        asks.push({ wallMs: performance.now() - start, cached: build.cached === true, seconds: build.seconds });
      }
      found[measuredName(variant)] = mode === 'again' ? asks : asks[0];
      writeFileSync(out, `${JSON.stringify(found, null, 1)}\n`);
    }
  });
  rmSync(scratch, { recursive: true });
}

script(main);
