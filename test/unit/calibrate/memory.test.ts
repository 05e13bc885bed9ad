import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeBundle } from '../../../scripts/bundleOptions.mjs';

const run = promisify(execFile);
let folder: string;

/** Calibrates a small model on the given number of samples and prints its peak memory. */
const program = `
import { observeRanges } from '${resolve('extension/calibrate/observeRanges')}';
import { convolutionalModel, images, indicesOf, open } from '${resolve('test/unit/calibrate/smallModels')}';
const data = images(Number(process.argv[2]));
const request = { open, dataset: data, indices: indicesOf(data), batchSize: 64, histograms: ['image', 'active', 'features'] };
observeRanges(convolutionalModel(), request).then(({ samples }) => {
  console.log(JSON.stringify({ samples, peakMiB: process.resourceUsage().maxRSS / 1024 }));
});
`;

async function peakMiB(samples: number): Promise<number> {
  const { stdout } = await run(process.execPath, [join(folder, 'calibrate.cjs'), String(samples)]);
  const result = JSON.parse(stdout) as { samples: number; peakMiB: number };
  expect(result.samples).toBe(samples);
  return result.peakMiB;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'memory-test-'));
  await symlink(resolve('node_modules'), join(folder, 'node_modules'));
  await build({
    ...nodeBundle,
    stdin: { contents: program, resolveDir: resolve('.'), loader: 'ts' },
    outfile: join(folder, 'calibrate.cjs'),
    logLevel: 'silent',
  });
});
afterAll(() => rm(folder, { recursive: true }));

describe('memory', () => {
  it('does not grow from 200 to 5000 samples', async () => {
    const few = await peakMiB(200);
    const many = await peakMiB(5000);
    // 5000 samples of this model are 200 MiB of activations; the heap of V8 swings by some tens.
    expect(many - few).toBeLessThan(60);
    expect(many).toBeLessThan(400);
  }, 60_000);
});
