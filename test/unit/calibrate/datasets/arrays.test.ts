import { execFileSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  bytesOf,
  grayPng,
  labelsOf,
  npy,
  npyFloats,
  npyIntegers,
  npz,
  open,
  spec,
  temporaryFolder,
  valuesOf,
  write,
} from './makeData';

const vector = [spec('x', ['N', 3])];
const rows = (count: number, width: number) => Array.from({ length: count * width }, (_, at) => at);

/** Gives the test a temporary folder of its own. @returns a function that lists it */
function ownTemporaryFolder(): () => string[] {
  const folder = temporaryFolder();
  for (const name of ['TMPDIR', 'TEMP', 'TMP']) vi.stubEnv(name, folder);
  onTestFinished(() => void vi.unstubAllEnvs());
  return () => readdirSync(folder);
}

describe('.npz', () => {
  for (const compressed of [false, true]) {
    it(`${compressed ? 'deflated' : 'stored'}: one array of any name, optional labels`, async () => {
      const bytes = npz(
        { anything: npyFloats([4, 3], rows(4, 3)), labels: npyIntegers([4], [3, 1, 0, 2]) },
        compressed,
      );
      const data = await open(write(temporaryFolder(), 'd.npz', bytes), vector);
      expect(data).toMatchObject({ kind: 'npz', length: 4, labelled: true, batchRule: { kind: 'any' } });
      expect(await labelsOf(data)).toEqual([3, 1, 0, 2]);
      expect(await valuesOf(data, 3)).toEqual([9, 10, 11]);
      expect(await valuesOf(data, 1)).toEqual([3, 4, 5]);
      expect((await data.get(0)).tensors['x']?.dims).toEqual([1, 3]);
      await data.close();
    });
  }

  it('removes its temporary files on close', async () => {
    const temporary = ownTemporaryFolder();
    const bytes = npz({ x: npyFloats([4, 3], rows(4, 3)) }, true);
    const data = await open(write(temporaryFolder(), 'd.npz', bytes), vector);
    expect(temporary().filter((name) => name.startsWith('precision-bench-npz-'))).toHaveLength(1);
    await data.close();
    expect(temporary().filter((name) => name.startsWith('precision-bench-'))).toEqual([]);
  });

  it('several inputs are matched by name, whatever their order; without names by number', async () => {
    const inputs = [spec('ids', ['N', 2], 'int64'), spec('mask', ['N', 2])];
    const named = npz({ mask: npyFloats([2, 2], [1, 2, 3, 4]), ids: npyIntegers([2, 2], [5, 6, 7, 8]) });
    const { tensors } = await (await open(write(temporaryFolder(), 'd.npz', named), inputs)).get(1);
    expect(tensors['ids']?.data).toEqual(BigInt64Array.of(7n, 8n));
    expect(tensors['mask']?.data).toEqual(Float32Array.of(3, 4));
    const numbered = npz({ arr_0: npyIntegers([1, 2], [5, 6]), arr_1: npyFloats([1, 2], [1, 2]) });
    const second = await (await open(write(temporaryFolder(), 'd.npz', numbered), inputs)).get(0);
    expect(second.tensors['mask']?.data).toEqual(Float32Array.of(1, 2));
  });

  it('names that fit no input are refused, naming both sides', async () => {
    const inputs = [spec('ids', ['N', 2]), spec('mask', ['N', 2])];
    const bytes = npz({ a: npyFloats([1, 2], [1, 2]), b: npyFloats([1, 2], [1, 2]) });
    const data = await open(write(temporaryFolder(), 'd.npz', bytes), inputs);
    const error: unknown = await data.get(0).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'DATA_MISMATCH', fix: expect.stringMatching(/ids, mask/) as string });
    expect((error as { reason: string }).reason).toMatch(/the arrays a, b.*ids: fp32 \[N, 2\]; mask/);
  });

  it('an input that is called y is no label', async () => {
    const bytes = npz({ x: npyFloats([2, 1], [1, 2]), y: npyFloats([2, 1], [3, 4]) });
    const data = await open(write(temporaryFolder(), 'd.npz', bytes), [spec('x', ['N', 1]), spec('y', ['N', 1])]);
    expect(data.labelled).toBe(false);
    expect((await data.get(1)).tensors['y']?.data).toEqual(Float32Array.of(4));
  });

  it.each([
    [
      'different counts',
      { a: npyFloats([2, 3], rows(2, 3)), b: npyFloats([1, 3], rows(1, 3)) },
      'DATA_MISMATCH',
      /2 samples of a but 1 of b/,
    ],
    ['no samples', { a: npyFloats([0, 3], []) }, 'DATA_EMPTY', /first axis of a is empty/],
    [
      'labels for other samples',
      { a: npyFloats([2, 3], rows(2, 3)), labels: npyIntegers([3], [1, 2, 3]) },
      'DATA_LABELS_INVALID',
      /3 labels for 2/,
    ],
    [
      'one-hot labels',
      { a: npyFloats([2, 3], rows(2, 3)), labels: npyFloats([2, 2], rows(2, 2)) },
      'DATA_LABELS_INVALID',
      /one class index per sample/,
    ],
    [
      'objects',
      { a: npy('|O', [2], new Uint8Array(16)) },
      'DATA_UNREADABLE',
      /entry a: the element type \|O \(Python objects\)/,
    ],
    ['cut array', { a: npyFloats([9, 3], rows(2, 3)) }, 'DATA_UNREADABLE', /entry a: the file is truncated/],
  ] as const)('refuses %s', async (_, arrays, code, reason) => {
    const error: unknown = await open(write(temporaryFolder(), 'd.npz', npz(arrays)), vector).catch(
      (caught: unknown) => caught,
    );
    expect(error).toMatchObject({ code });
    expect((error as { reason: string }).reason).toMatch(reason);
  });

  it('refuses what is no archive', async () => {
    const file = write(temporaryFolder(), 'd.npz', 'hello');
    await expect(open(file, vector)).rejects.toMatchObject({ code: 'DATA_UNREADABLE', place: { file } });
  });

  it('a large archive is read by range: memory stays flat', async () => {
    // 128 MB in a file with holes: nothing of it is touched but the rows asked for.
    const width = 1 << 18;
    const header = npy('<f4', [128, width], new Uint8Array());
    const file = join(temporaryFolder(), 'big.npy');
    writeFileSync(file, header);
    execFileSync('truncate', ['-s', String(header.length + 128 * width * 4), file]);
    const data = await open(file, [spec('x', ['N', width])]);
    const before = process.memoryUsage().rss;
    for (const index of [0, 127, 64]) expect((await data.get(index)).tensors['x']?.data.length).toBe(width);
    expect(process.memoryUsage().rss - before).toBeLessThan(64 << 20);
    await data.close();
  });
});

describe('.npy', () => {
  const values = [1, 2, 3, 4, 5, 6];
  const bigEndian = () => {
    const view = new DataView(new ArrayBuffer(24));
    values.forEach((value, at) => view.setFloat32(at * 4, value));
    return bytesOf(view);
  };
  it.each([
    ['f4', npyFloats([2, 3], values)],
    ['f8', npy('<f8', [2, 3], bytesOf(Float64Array.from(values)))],
    ['f2', npy('<f2', [2, 3], bytesOf(Uint16Array.of(0x3c00, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600)))],
    ['i1', npy('|i1', [2, 3], bytesOf(Int8Array.from(values)))],
    ['u1', npy('|u1', [2, 3], Uint8Array.from(values))],
    ['i2', npy('<i2', [2, 3], bytesOf(Int16Array.from(values)))],
    ['i8', npyIntegers([2, 3], values)],
    ['u8', npy('<u8', [2, 3], bytesOf(BigUint64Array.from(values, BigInt)))],
    ['big-endian f4', npy('>f4', [2, 3], bigEndian())],
    ['version 2', npy('<f4', [2, 3], bytesOf(Float32Array.from(values)), { version: 2 })],
    ['version 3', npy('<f4', [2, 3], bytesOf(Float32Array.from(values)), { version: 3 })],
    ['Fortran order', npy('<f4', [2, 3], bytesOf(Float32Array.of(1, 4, 2, 5, 3, 6)), { fortran: true })],
  ])('%s', async (_, bytes) => {
    const data = await open(write(temporaryFolder(), 'd.npy', bytes), vector);
    expect(await valuesOf(data, 0)).toEqual([1, 2, 3]);
    expect(await valuesOf(data, 1)).toEqual([4, 5, 6]);
    expect((await data.get(0)).tensors['x']?.dtype).toBe('fp32');
    await data.close();
  });

  it('Fortran order with three axes', async () => {
    // a[i, j, k] = 100 i + 10 j + k; the first index runs fastest in the file.
    const data: number[] = [];
    for (let k = 0; k < 3; k++) for (let j = 0; j < 2; j++) for (let i = 0; i < 2; i++) data.push(100 * i + 10 * j + k);
    const bytes = npy('<f4', [2, 2, 3], bytesOf(Float32Array.from(data)), { fortran: true });
    const set = await open(write(temporaryFolder(), 'd.npy', bytes), [spec('x', ['N', 2, 3])]);
    expect(await valuesOf(set, 1)).toEqual([100, 101, 102, 110, 111, 112]);
    await set.close();
  });

  it('Fortran order is turned once, however many samples are asked for together, and leaves no copy', async () => {
    const temporary = ownTemporaryFolder();
    const bytes = npy('<f4', [2, 3], bytesOf(Float32Array.of(1, 4, 2, 5, 3, 6)), { fortran: true });
    const data = await open(write(temporaryFolder(), 'd.npy', bytes), vector);
    expect(await Promise.all([0, 1, 0, 1].map((index) => valuesOf(data, index)))).toEqual([
      [1, 2, 3],
      [4, 5, 6],
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(temporary().filter((name) => name.startsWith('precision-bench-npy-'))).toHaveLength(1);
    await data.close();
    expect(temporary().filter((name) => name.startsWith('precision-bench-'))).toEqual([]);
  });

  it('refuses NaN and infinity, naming sample, input and element', async () => {
    const file = write(temporaryFolder(), 'd.npy', npyFloats([2, 3], [1, 2, 3, 4, NaN, 6]));
    const data = await open(file, vector);
    await data.get(0);
    const error: unknown = await data.get(1).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'DATA_NON_FINITE', place: { file, field: 'x' } });
    expect((error as { reason: string }).reason).toMatch(/Sample 1 .* input x \(element 1 of 3\)/);
    const overflow = npyFloats([1, 3], [1, 1e6, 3]);
    const half = await open(write(temporaryFolder(), 'd.npy', overflow), [spec('x', ['N', 3], 'fp16')]);
    await expect(half.get(0)).rejects.toMatchObject({ code: 'DATA_NON_FINITE' });
  });

  it('values that an integer input cannot hold are refused', async () => {
    const inputs = [spec('x', ['N', 3], 'int32')];
    const fraction = await open(write(temporaryFolder(), 'd.npy', npyFloats([1, 3], [1, 2.5, 3])), inputs);
    await expect(fraction.get(0)).rejects.toMatchObject({
      code: 'DATA_MISMATCH',
      reason: expect.stringMatching(/2\.5 is no int32/) as string,
    });
    const large = await open(write(temporaryFolder(), 'd.npy', npyIntegers([1, 3], [1, 2 ** 40, 3])), inputs);
    await expect(large.get(0)).rejects.toMatchObject({ code: 'DATA_MISMATCH' });
    const whole = await open(write(temporaryFolder(), 'd.npy', npyFloats([1, 3], [1, 2, 3])), inputs);
    expect((await whole.get(0)).tensors['x']?.data).toEqual(Int32Array.of(1, 2, 3));
  });

  it('labels from a text file, one per line', async () => {
    const folder = temporaryFolder();
    const labels = write(folder, 'labels.txt', '4\n5\n');
    const data = await open(write(folder, 'd.npy', npyFloats([2, 3], rows(2, 3))), vector, { labels });
    expect(await labelsOf(data)).toEqual([4, 5]);
    const short = write(folder, 'short.txt', '4\n');
    await expect(open(join(folder, 'd.npy'), vector, { labels: short })).rejects.toMatchObject({
      code: 'DATA_LABELS_INVALID',
    });
  });

  it('8-bit arrays in picture layout go through the transforms, float ones do not', async () => {
    const inputs = [spec('x', ['N', 3, 1, 2])];
    const transforms = [{ op: 'toTensor' as const, scale: 2 }];
    const hwc = npy('|u1', [1, 1, 2, 3], Uint8Array.of(1, 2, 3, 4, 5, 6));
    const picture = await open(write(temporaryFolder(), 'd.npy', hwc), inputs, { transforms });
    expect(await valuesOf(picture, 0)).toEqual([2, 8, 4, 10, 6, 12]);
    const chw = npy('|u1', [1, 3, 1, 2], Uint8Array.of(1, 4, 2, 5, 3, 6));
    expect(await valuesOf(await open(write(temporaryFolder(), 'd.npy', chw), inputs, { transforms }), 0)).toEqual([
      2, 8, 4, 10, 6, 12,
    ]);
    const floats = await open(write(temporaryFolder(), 'd.npy', npyFloats([1, 3, 1, 2], rows(1, 6))), inputs, {
      transforms,
    });
    expect(await valuesOf(floats, 0)).toEqual([0, 1, 2, 3, 4, 5]);
  });
});

describe('folder of arrays', () => {
  it('.npy: one sample a file, with or without the batch axis', async () => {
    const folder = temporaryFolder();
    write(folder, 'b.npy', npyFloats([1, 3], [4, 5, 6]));
    write(folder, 'a.npy', npyFloats([3], [1, 2, 3]));
    const data = await open(folder, vector);
    expect(data).toMatchObject({ kind: 'tensors', length: 2, labelled: false });
    expect(await valuesOf(data, 0)).toEqual([1, 2, 3]);
    expect((await data.get(1)).tensors['x']?.dims).toEqual([1, 3]);
    expect(data.describe?.(1)).toMatchObject({ id: 'b.npy' });
  });

  it('.npz: an array per input', async () => {
    const folder = temporaryFolder();
    write(folder, '0.npz', npz({ b: npyFloats([1], [2]), a: npyFloats([1], [1]) }, true));
    const { tensors } = await (await open(folder, [spec('a', ['N', 1]), spec('b', ['N', 1])])).get(0);
    expect(tensors['b']?.data).toEqual(Float32Array.of(2));
  });

  it('a corrupt file is an unreadable sample', async () => {
    const folder = temporaryFolder();
    write(folder, 'a.npy', 'hello');
    write(folder, 'b.npz', 'hello');
    const data = await open(folder, vector);
    for (const index of [0, 1]) await expect(data.get(index)).rejects.toMatchObject({ code: 'DATA_UNREADABLE' });
  });

  it('pictures beside arrays win', async () => {
    const folder = temporaryFolder();
    write(folder, 'a.png', grayPng(1));
    write(folder, 'a.npy', npyFloats([3], [1, 2, 3]));
    expect(await open(folder, [spec('x', ['N', 1, 2, 2])])).toMatchObject({ kind: 'imageFolder', length: 1 });
  });
});
