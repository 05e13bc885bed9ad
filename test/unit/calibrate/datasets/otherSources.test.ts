import { describe, expect, it } from 'vitest';
import { makeTensor } from '../../../../extension/model/tensorValues';
import { tensorProtoSchema } from '../../../../extension/model/onnx.generated';
import { encodeToArray } from '../../../../extension/model/wireWriter';
import { grayPng, labelsOf, npyFloats, open, spec, temporaryFolder, valuesOf, write } from './makeData';

const gray = [spec('x', ['N', 1, 2, 2])];
const vector = [spec('x', ['N', 3])];

describe('manifests', () => {
  function folderWithPictures(): string {
    const folder = temporaryFolder();
    write(folder, 'p/a.png', grayPng(1));
    write(folder, 'p/b.png', grayPng(2));
    return folder;
  }

  it.each([
    ['m.csv', 'path,label\np/a.png,4\np/b.png,7\n'],
    ['m.csv', '\ufefflabel,image\r\n4,p/a.png\r\n7,p/b.png\r\n'],
    ['m.csv', 'p/a.png,4\np/b.png,7\n'],
    ['m.tsv', 'file\tclass_index\tname\np/a.png\t4\tx\np/b.png\t7\ty\n'],
    ['m.txt', 'p/a.png 4\np/b.png 7\n'],
    ['m.jsonl', '{"image": "p/a.png", "label": 4}\n\n{"label": 7, "image": "p/b.png"}\n'],
  ])('%s: %j', async (name, content) => {
    const folder = folderWithPictures();
    const data = await open(write(folder, name, content), gray);
    expect(data).toMatchObject({ kind: 'manifest', length: 2, labelled: true });
    expect(await labelsOf(data)).toEqual([4, 7]);
    expect(await valuesOf(data, 1)).toEqual([2, 2, 2, 2]);
    expect(data.describe?.(1)).toMatchObject({ id: 'p/b.png', file: `${folder}/p/b.png` });
  });

  it('texts stay texts; class names become indices of the sorted names', async () => {
    const folder = folderWithPictures();
    const texts = await open(write(folder, 't.tsv', 'p/a.png\t12 "quoted\np/b.png\t34\n'), gray);
    expect(await labelsOf(texts)).toEqual(['12 "quoted', '34']);
    const numbers = await open(write(folder, 'n.csv', 'file,text\np/a.png,12\np/b.png,34\n'), gray);
    expect(await labelsOf(numbers)).toEqual(['12', '34']);
    const names = await open(write(folder, 'c.csv', 'file,class\np/a.png,dog\np/b.png,cat\n'), gray);
    expect(names.classes).toEqual(['cat', 'dog']);
    expect(await labelsOf(names)).toEqual([1, 0]);
  });

  it('a column per input for models with several', async () => {
    const folder = folderWithPictures();
    write(folder, 'v.npy', npyFloats([3], [7, 8, 9]));
    const data = await open(write(folder, 'm.csv', 'vec,img,label\nv.npy,p/a.png,1\n'), [
      spec('img', ['N', 1, 2, 2]),
      spec('vec', ['N', 3]),
    ]);
    const { tensors, label } = await data.get(0);
    expect(label).toBe(1);
    expect(tensors['vec']?.data).toEqual(Float32Array.of(7, 8, 9));
    expect(tensors['img']?.data).toEqual(Float32Array.of(1, 1, 1, 1));
  });

  it.each([
    ['m.csv', 'path,label\np/a.png,\n', 'DATA_UNREADABLE', /line 2 has nothing in the column "label"/],
    ['m.csv', '', 'DATA_UNREADABLE', /no rows/],
    ['m.csv', 'a,b\n1,2\n', 'DATA_NOT_FOUND', /the first is .*\/a\./],
    ['m.jsonl', '{"image": "p/a.png"}\n{oops\n', 'DATA_UNREADABLE', /line 2 is not JSON/],
    ['m.jsonl', '[1]\n', 'DATA_UNREADABLE', /line 1 is not a JSON object/],
  ])('refuses %s %j', async (name, content, code, reason) => {
    const file = write(folderWithPictures(), name, content);
    const error: unknown = await open(file, gray).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code, place: { file } });
    expect((error as { reason: string }).reason).toMatch(reason);
  });

  it('a missing file is an unreadable sample', async () => {
    const data = await open(write(folderWithPictures(), 'm.csv', 'path\np/a.png\nnone.png\n'), gray);
    await expect(data.get(1)).rejects.toMatchObject({ code: 'DATA_UNREADABLE' });
  });
});

describe('ONNX test data', () => {
  const pb = (values: readonly number[]) =>
    encodeToArray(
      makeTensor('t', { dtype: 'fp32', dims: [1, values.length], data: Float32Array.from(values) }),
      tensorProtoSchema,
    );

  it('sets in the order of their numbers, inputs in the order of the graph, outputs ignored', async () => {
    const folder = temporaryFolder();
    for (const set of [0, 2, 10]) {
      write(folder, `test_data_set_${set}/input_0.pb`, pb([set, 0]));
      write(folder, `test_data_set_${set}/input_1.pb`, pb([set, 1, 1]));
      write(folder, `test_data_set_${set}/output_0.pb`, 'not even a tensor');
    }
    const inputs = [spec('a', [1, 2]), spec('b', [1, 3])];
    const data = await open(folder, inputs);
    expect(data).toMatchObject({ kind: 'tensors', length: 3, batchRule: { kind: 'single' } });
    expect(data.describe?.(1).id).toBe('test_data_set_2');
    const { tensors } = await data.get(2);
    expect(tensors['b']?.data).toEqual(Float32Array.of(10, 1, 1));
    // One set on its own.
    expect(await open(`${folder}/test_data_set_2`, inputs)).toMatchObject({ length: 1 });
  });

  it('a corrupt tensor is an unreadable sample', async () => {
    const folder = temporaryFolder();
    write(folder, 'test_data_set_0/input_0.pb', pb([1, 2, 3]).subarray(0, 9));
    const error: unknown = await (await open(folder, vector)).get(0).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'DATA_UNREADABLE' });
  });
});

describe('JavaScript modules', () => {
  const module = (code: string, name = 'data.mjs') => write(temporaryFolder(), name, code);

  it.each([
    ['named exports', 'export const length = 2; export const get = (i) => [i, i, i];'],
    ['default object, async', 'export default { length: 2, get: async (i) => Float32Array.of(i, i, i) };'],
    ['class', 'export default class { get length() { return 2; } get(i) { return [new Float32Array([i, i, i])]; } }'],
    [
      'factory',
      'export default async () => ({ length: 2, get: (i) => ({ dims: [1, 3], data: Float64Array.of(i, i, i) }) });',
    ],
    [
      'by name with label',
      'export const length = 2; export const get = (i) => ({ inputs: { x: [[i, i, i]] }, label: i });',
    ],
  ])('%s', async (name, code) => {
    const data = await open(module(code), vector);
    expect(data).toMatchObject({ kind: 'module', length: 2, labelled: name.includes('label') });
    expect(await valuesOf(data, 1)).toEqual([1, 1, 1]);
    expect((await data.get(1)).tensors['x']?.dims).toEqual([1, 3]);
  });

  it('labels from a file, in order; another number of them is refused', async () => {
    const file = module('export const length = 2; export const get = (i) => [i, i, i];');
    const labels = write(temporaryFolder(), 'labels.txt', '7\n8\n');
    const data = await open(file, vector, { labels });
    expect(await labelsOf(data)).toEqual([7, 8]);
    expect([data.labelled, data.describe?.(1).label]).toEqual([true, 8]);
    const numbered = write(temporaryFolder(), 'labels.csv', 'index,label\n1,8\n0,7\n');
    expect(await labelsOf(await open(file, vector, { labels: numbered }))).toEqual([7, 8]);
    const short = write(temporaryFolder(), 'labels.txt', '7\n');
    await expect(open(file, vector, { labels: short })).rejects.toMatchObject({ code: 'DATA_LABELS_INVALID' });
  });

  it('CommonJS', async () => {
    const data = await open(module('module.exports = { length: 1, get: () => [1, 2, 3] };', 'data.cjs'), vector);
    expect(await valuesOf(data, 0)).toEqual([1, 2, 3]);
  });

  it('a flat array fits a shape of as many elements; several inputs come as a list', async () => {
    const flat = await open(
      module('export const length = 1; export const get = () => Float32Array.from(Array(4).keys());'),
      gray,
    );
    expect((await flat.get(0)).tensors['x']).toMatchObject({ dims: [1, 1, 2, 2] });
    const code = 'export const length = 1; export const get = () => [Float32Array.of(1, 2), BigInt64Array.of(3n)];';
    const list = await open(module(code), [spec('a', ['N', 2]), spec('b', ['N', 1], 'int64')]);
    expect((await list.get(0)).tensors['b']?.data).toEqual(BigInt64Array.of(3n));
  });

  it.each([
    ['export const nothing = 1;', /exports no data set/],
    ['throw new Error("boom");', /cannot be loaded: boom/],
    ['export const length = 1.5; export const get = () => 0;', /has the length 1\.5/],
  ])('refuses %s', async (code, reason) => {
    const error: unknown = await open(module(code), vector).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'DATA_UNREADABLE' });
    expect((error as { reason: string }).reason).toMatch(reason);
  });

  it('an exception in get is an unreadable sample, named by its index', async () => {
    const code =
      'export const length = 2; export const get = (i) => { if (i === 1) throw new Error("boom"); return [1, 2, 3]; };';
    const data = await open(module(code), vector);
    await data.get(0);
    const error: unknown = await data.get(1).catch((caught: unknown) => caught);
    expect((error as { reason: string }).reason).toMatch(/get\(1\) failed: boom/);
    const ragged = await open(module('export const length = 1; export const get = () => [[1], [2, 3]];'), vector);
    await expect(ragged.get(0)).rejects.toMatchObject({ reason: expect.stringMatching(/ragged/) as string });
  });
});

describe('random', () => {
  it('is the same every time, in (−1, 1), sized by the model, and says what it is', async () => {
    const inputs = [
      spec('x', ['N', 3, 'h', 'w']),
      spec('ids', ['N', 'seq'], 'int64'),
      spec('attention_mask', ['N', 'seq'], 'int64'),
    ];
    const [one, two] = [await open('random', inputs), await open('random', inputs)];
    expect(one).toMatchObject({ kind: 'random', length: 32, labelled: false });
    const first = (await one.get(5)).tensors;
    expect(first).toEqual((await two.get(5)).tensors);
    expect(first).not.toEqual((await one.get(6)).tensors);
    expect(first['x']?.dims).toEqual([1, 3, 224, 224]);
    const values = first['x']!.data as Float32Array;
    expect(values.every((value) => value >= -1 && value < 1)).toBe(true);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan(0.01);
    expect(first['ids']?.dims).toEqual(first['attention_mask']?.dims);
    expect((first['attention_mask']!.data as BigInt64Array).every((value) => value === 1n)).toBe(true);
    expect(await one.sha256()).toBe(await two.sha256());
    expect(await (await open('random', inputs, { seed: 1 })).sha256()).not.toBe(await one.sha256());
    expect((await open('random:3', inputs)).length).toBe(3);
  });

  it('gives token types that every embedding of two kinds has, and ids beyond', async () => {
    const inputs = [spec('token_type_ids', [1, 64], 'int64'), spec('input_ids', [1, 64], 'int64')];
    const { tensors } = await (await open('random', inputs)).get(0);
    const largest = (name: string) => Math.max(...Array.from(tensors[name]!.data, Number));
    expect(largest('token_type_ids')).toBe(1);
    expect(largest('input_ids')).toBe(7);
  });

  it('says that it has no text', async () => {
    const data = await open('random', [spec('words', [4], 'string')]);
    await expect(data.get(0)).rejects.toMatchObject({
      code: 'DATA_MISMATCH',
      reason: expect.stringMatching(/words of type string/) as string,
    });
  });

  it('keeps fixed sizes, −1 means open, a text line is wide', async () => {
    const data = await open('random', [spec('x', [-1, 3, 48, -1]), spec('flag', [1], 'bool')]);
    const { tensors } = await data.get(0);
    expect(tensors['x']?.dims).toEqual([1, 3, 48, 320]);
    expect(tensors['flag']?.dims).toEqual([1]);
  });
});

it('a file of an unknown kind is refused with the kinds there are', async () => {
  const file = write(temporaryFolder(), 'data.parquet', 'x');
  await expect(open(file, vector)).rejects.toMatchObject({
    code: 'DATA_UNREADABLE',
    fix: expect.stringMatching(/\.npz/) as string,
  });
});
