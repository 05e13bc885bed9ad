/** INT4 weights of random matrix products: written in the form that TensorRT takes, run as written and simulated, near FP32. */
import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { saveModel } from '../../../extension/model/saveModel';
import { checkRewrites, runOnce } from '../../generality/checkRewrites';
import { RandomNumbers } from '../../generality/randomNumbers';
import { wideProducts } from '../../generality/wideProducts';

const folder = mkdtempSync(join(tmpdir(), 'precision-bench-wide-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const seeds = 24;

it('gives the same results in INT4 as in FP32, but for the rounding of 4 bits', async () => {
  let packed = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    const own = join(folder, String(seed));
    await mkdir(own, { recursive: true });
    const { model, dims } = wideProducts(seed);
    const path = join(own, 'original.onnx');
    await saveModel(model, path);
    const random = new RandomNumbers(1000 + seed);
    const count = dims.reduce((product, size) => product * size, 1);
    const feeds = {
      x: { dtype: 'fp32' as const, dims, data: Float32Array.from({ length: count }, () => random.normal()) },
    };
    const expected = await runOnce(path, feeds);
    const variants = await checkRewrites({ path, feeds, expected, folder: own, plan: { keep: [], bindings: {} } });
    const failed = variants.filter(({ status }) => status !== 'passed');
    expect({ seed, failed }).toEqual({ seed, failed: [] });
    if (variants.some(({ variant }) => variant === 'int4')) packed++;
  }
  // Of depths and widths drawn at random most have a product that takes INT4.
  expect(packed).toBeGreaterThan(seeds / 2);
}, 120_000);
