/**
 * What has to be seen on a GPU of the native module's endurance: many engines built, opened, run and closed in one process
 * without growing, and builds cancelled in the middle.
 *
 *     node soak.cjs MODEL.onnx FOLDER [ENGINES] [CANCELS]      one JSON document on stdout
 *
 * GPU memory is what `nvidia-smi` says of the whole GPU, on a machine of several that of CUDA_VISIBLE_DEVICES; null where there is none.
 * Bundled by `run.mjs`.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import * as path from 'node:path';
import type { BuildRequest } from '../../extension/backends/backend';
import { tensorrtBackend } from '../../extension/backends/tensorrt';
import { completePlan } from '../../extension/contract/checkSchema';
import { CodedError } from '../../extension/contract/errors';
import { passportPath } from '../../extension/contract/enginePassport';
import { elementCount } from '../../extension/contract/tensor';
import { loadModel } from '../../extension/model/loadModel';
import { graphInputs } from '../../extension/model/modelCard';
import { script } from './script';

const [model = '', folder = '.', engines = '200', cancels = '20'] = process.argv.slice(2);
const tensorrt = tensorrtBackend('tensorrt');

function gpuMiB(): number | null {
  try {
    const query = [
      '--query-gpu=memory.used',
      '--format=csv,noheader,nounits',
      '-i',
      process.env['CUDA_VISIBLE_DEVICES'] ?? '0',
    ];
    return Number(execFileSync('nvidia-smi', query, { encoding: 'utf8' }).split('\n')[0]);
  } catch {
    return null;
  }
}

const residentMiB = (): number => process.memoryUsage().rss / 2 ** 20;

async function requestOf(): Promise<BuildRequest> {
  const inputs = graphInputs(await loadModel(model));
  const shapes = Object.fromEntries(
    inputs.map(({ name, shape }) => {
      const dims = (shape ?? []).map((size) => (typeof size === 'number' ? size : 1));
      return [name, { min: dims, opt: dims, max: dims }];
    }),
  );
  // The quickest build: the question is what is left behind, not how fast the engine is.
  const { builder } = completePlan({ model, builder: { optimizationLevel: 0 } });
  const engine = path.join(folder, 'soak.engine');
  return { onnx: model, precision: 'fp32', engine, target: null, builder, shapes, typing: 'weak' };
}

async function buildAndRun(request: BuildRequest): Promise<void> {
  await tensorrt.build(request, {});
  const session = await tensorrt.open({ kind: 'engine', path: request.engine });
  const feeds = Object.fromEntries(
    session.inputs.map(({ name }) => {
      const dims = request.shapes[name]?.opt ?? [];
      return [name, { dtype: 'fp32' as const, dims, data: new Float32Array(elementCount(dims)) }];
    }),
  );
  await session.run(feeds);
  await session.close();
}

/** @returns ms from the wish to the answer, or null where the build was done before */
async function cancelOnce(request: BuildRequest, afterMs: number): Promise<number | null> {
  const stop = new AbortController();
  let asked = 0;
  setTimeout(() => {
    asked = performance.now();
    stop.abort();
  }, afterMs);
  const error: unknown = await tensorrt.build(request, { signal: stop.signal }).catch((thrown: unknown) => thrown);
  return CodedError.is(error, 'CANCELLED') ? performance.now() - asked : null;
}

async function main(): Promise<void> {
  const request = await requestOf();
  const remove = (): void => {
    for (const file of [request.engine, passportPath(request.engine)]) rmSync(file, { force: true });
  };
  const memory: { engine: number; residentMiB: number; gpuMiB: number | null }[] = [];
  const started = performance.now();
  for (let engine = 1; engine <= Number(engines); engine++) {
    await buildAndRun(request);
    if (engine % 20 === 0) memory.push({ engine, residentMiB: residentMiB(), gpuMiB: gpuMiB() });
  }
  const seconds = (performance.now() - started) / 1000;
  const cancelMs: (number | null)[] = [];
  const leftBehind: number[] = [];
  const full = { ...request, builder: { ...request.builder, optimizationLevel: 5, timingCache: '/dev/null' } };
  for (let round = 0; round < Number(cancels); round++) {
    remove();
    cancelMs.push(await cancelOnce(full, 100 + 20 * round));
    if (cancelMs.at(-1) !== null && existsSync(request.engine)) leftBehind.push(round);
  }
  remove();
  await buildAndRun(request);
  remove();
  const first = memory[0];
  const last = memory.at(-1);
  const grown = first && last ? last.residentMiB - first.residentMiB : null;
  const result = {
    engines: Number(engines),
    seconds,
    grownMiB: grown,
    memory,
    cancelMs,
    leftBehind,
    worksAfterwards: true,
  };
  process.stdout.write(`${JSON.stringify(result, null, 1)}\n`);
}

script(main);
