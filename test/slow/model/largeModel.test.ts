import { execFileSync } from 'node:child_process';
import { closeSync, openSync, statSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { expect, it } from 'vitest';
import { dataLocation, newStringStringEntry, newTensor } from '../../../extension/model/onnx.generated';
import { buildModel, encodeModel, node, temporaryFolder, value, writeFile } from '../../unit/model/buildModel';

const tensorBytes = 256 * 1024 * 1024;
const count = 9;

/** Loads, reads one tensor, saves into another folder and reads the tensor there; prints what it saw. */
const program = `
import { loadModel } from './extension/model/loadModel';
import { saveModel } from './extension/model/saveModel';
import { readTensor } from './extension/model/tensorValues';
const [from, to] = process.argv.slice(2);
const last = (model) => readTensor(model.proto.graph.initializer.at(-1), model).data.at(-1);
const model = await loadModel(from);
const before = last(model);
await saveModel(model, to);
const saved = await loadModel(to);
console.log(JSON.stringify({ before, after: last(saved), rss: process.resourceUsage().maxRSS * 1024 }));
`;

it('a model above 2 GB loads and saves in a fraction of its size', { timeout: 120_000 }, async () => {
  const folder = temporaryFolder();
  const data = join(folder, 'm.data');
  const descriptor = openSync(data, 'w');
  // The file is a hole but for its last value, so that the test takes no disk.
  writeSync(descriptor, new Uint8Array(Float32Array.of(42).buffer), 0, 4, count * tensorBytes - 4);
  closeSync(descriptor);
  truncateSync(data, count * tensorBytes);
  const dims = [tensorBytes / 4];
  const initializers = Array.from({ length: count }, (_, i) =>
    newTensor({
      name: `w${i}`,
      dims,
      dataType: 1,
      dataLocation: dataLocation.EXTERNAL,
      externalData: [
        newStringStringEntry({ key: 'location', value: 'm.data' }),
        newStringStringEntry({ key: 'offset', value: String(i * tensorBytes) }),
        newStringStringEntry({ key: 'length', value: String(tensorBytes) }),
      ],
    }),
  );
  const nodes = initializers.map((_, i) => node('Add', [i === 0 ? 'x' : `t${i - 1}`, `w${i}`], [`t${i}`]));
  const parts = { nodes, initializers, inputs: [value('x', dims)], outputs: [value(`t${count - 1}`, dims)] };
  const path = writeFile(folder, 'm.onnx', encodeModel(buildModel(parts)));

  const script = join(folder, 'program.mjs');
  const root = join(import.meta.dirname, '../../..');
  await build({
    stdin: { contents: program, resolveDir: root, loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: script,
    logLevel: 'error',
  });
  const target = join(temporaryFolder(), 'saved.onnx');
  const seen = JSON.parse(execFileSync(process.execPath, [script, path, target], { encoding: 'utf8' })) as {
    before: number;
    after: number;
    rss: number;
  };
  expect([seen.before, seen.after]).toEqual([42, 42]);
  expect(statSync(`${target}.data`).size).toBe(count * tensorBytes);
  expect(seen.rss).toBeLessThan(1.5 * tensorBytes + 300e6);
});
