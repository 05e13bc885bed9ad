import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { grayPng, labelsOf, open, rgbPng, spec, temporaryFolder, valuesOf, write } from './makeData';

const gray = [spec('x', ['N', 1, 2, 2])];
const rgb = [spec('x', ['N', 3, 2, 2])];

describe('class folders', () => {
  it('labels are the indices of the sorted folder names, files nest, other files are ignored', async () => {
    const folder = temporaryFolder();
    // Python sorts by code point: capitals first, 10 before 2.
    for (const [name, value] of [
      ['b/1.png', 1],
      ['a/deep/er/2.PNG', 2],
      ['Z/3.png', 3],
      ['10/4.png', 4],
      ['2/5.png', 5],
    ] as const) {
      write(folder, name, grayPng(value));
    }
    write(folder, 'a/notes.txt', 'no picture');
    write(folder, 'README.md', 'no picture');
    write(folder, 'a/.hidden.png', 'no picture');
    const data = await open(folder, gray);
    expect(data).toMatchObject({
      kind: 'classFolders',
      length: 5,
      labelled: true,
      classes: ['10', '2', 'Z', 'a', 'b'],
    });
    expect(await labelsOf(data)).toEqual([0, 1, 2, 3, 4]);
    expect(await valuesOf(data, 3)).toEqual([2, 2, 2, 2]);
    expect(data.describe?.(3)).toMatchObject({ id: 'a/deep/er/2.PNG', label: 3 });
  });

  it('a class without a picture is refused by name', async () => {
    const folder = temporaryFolder();
    write(folder, 'cat/1.png', grayPng(1));
    write(folder, 'dog/notes.txt', '');
    await expect(open(folder, gray)).rejects.toMatchObject({ code: 'DATA_EMPTY', place: { file: `${folder}/dog` } });
  });

  it('splits are not classes: the user is told which to give', async () => {
    const folder = temporaryFolder();
    write(folder, 'train/cat/1.png', grayPng(1));
    write(folder, 'test/cat/2.png', grayPng(2));
    const error: unknown = await open(folder, gray).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'DATA_UNREADABLE' });
    expect((error as { fix: string }).fix).toContain(`--data ${folder}/test --eval-data ${folder}/train`);
    const flat = temporaryFolder();
    write(flat, 'calib/1.png', grayPng(1));
    write(flat, 'eval/2.png', grayPng(2));
    expect(await open(flat, gray)).toMatchObject({ kind: 'imageFolder', length: 2, labelled: false });
  });
});

describe('folder of pictures', () => {
  it('is unlabelled and sorted; an empty folder and a missing one are refused', async () => {
    const folder = temporaryFolder();
    write(folder, 'b.png', grayPng(2));
    write(folder, 'a.png', grayPng(1));
    const data = await open(folder, gray);
    expect(data).toMatchObject({ kind: 'imageFolder', length: 2, labelled: false });
    expect(await valuesOf(data, 0)).toEqual([1, 1, 1, 1]);
    await expect(open(temporaryFolder(), gray)).rejects.toMatchObject({ code: 'DATA_EMPTY' });
    await expect(open(`${folder}/none`, gray)).rejects.toMatchObject({ code: 'DATA_NOT_FOUND' });
  });

  it('a link to a folder above does not go round in circles', async () => {
    const folder = temporaryFolder();
    write(folder, 'sub/a.png', grayPng(1));
    write(folder, 'b.png', grayPng(2));
    symlinkSync(folder, join(folder, 'sub/loop'));
    expect((await open(folder, gray)).length).toBe(2);
  });

  it('labels come from a file, by relative path or unambiguous base name', async () => {
    const folder = temporaryFolder();
    write(folder, 'calib/1.png', grayPng(1));
    write(folder, 'eval/1.png', grayPng(2));
    write(folder, 'eval/2.png', grayPng(3));
    const labels = write(
      folder,
      'labels.csv',
      'file,class_index,name\neval/1.png,7,"a, b"\ncalib/1.png,5,c\n2.png,6,d\n',
    );
    const data = await open(folder, gray, { labels });
    expect(data).toMatchObject({ kind: 'imageFolder', labelled: true });
    expect(await labelsOf(data)).toEqual([5, 7, 6]);
  });

  it('samples without a label are named', async () => {
    const folder = temporaryFolder();
    write(folder, 'a.png', grayPng(1));
    write(folder, 'b.png', grayPng(1));
    const labels = write(folder, 'labels.csv', 'file,label\na.png,1\n');
    const error: unknown = await open(folder, gray, { labels }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'DATA_LABELS_INVALID' });
    expect((error as { reason: string }).reason).toMatch(/1 of 2 samples: b\.png/);
  });

  it('a column named rotate180 turns the sample and is its label', async () => {
    const folder = temporaryFolder();
    const picture = Buffer.from(grayPng(0));
    write(folder, 'a.png', picture);
    write(folder, 'b.pgm', 'P5 2 2 255\n\x01\x02\x03\x04');
    write(folder, 'c.pgm', 'P5 2 2 255\n\x01\x02\x03\x04');
    const labels = write(folder, 'flip.csv', 'file,rotate180\na.png,0\nb.pgm,0\nc.pgm,1\n');
    const data = await open(folder, gray, { labels });
    expect(await labelsOf(data)).toEqual([0, 0, 1]);
    expect(await valuesOf(data, 1)).toEqual([1, 2, 3, 4]);
    expect(await valuesOf(data, 2)).toEqual([4, 3, 2, 1]);
    // The turn decides the data: another table is another data set.
    const hash = await data.sha256();
    const other = write(folder, 'other.csv', 'file,rotate180\na.png,0\nb.pgm,1\nc.pgm,1\n');
    expect(await (await open(folder, gray, { labels: other })).sha256()).not.toBe(hash);
  });

  it('the hash covers names and contents, not the place', async () => {
    const [one, two] = [temporaryFolder(), temporaryFolder()];
    for (const folder of [one, two]) write(folder, 'sub/a.png', grayPng(1));
    const hashOf = async (folder: string) => (await open(folder, gray)).sha256();
    expect(await hashOf(one)).toBe(await hashOf(two));
    write(two, 'sub/a.png', grayPng(2));
    expect(await hashOf(one)).not.toBe(await hashOf(two));
  });
});

describe('fit to the model', () => {
  it('one channel: color becomes gray; three: gray is repeated', async () => {
    const folder = temporaryFolder();
    const color = write(folder, 'color.png', rgbPng([255, 0, 0]));
    const plain = write(folder, 'gray.png', grayPng(9));
    expect(await valuesOf(await open(color, gray), 0)).toEqual([76, 76, 76, 76]);
    expect(await valuesOf(await open(plain, rgb), 0)).toEqual(Array(12).fill(9));
  });

  it('adds the batch axis; channels last only with the step; uint8 without toTensor in the layout of the model', async () => {
    const file = write(temporaryFolder(), 'a.png', rgbPng([1, 2, 3]));
    const nhwc = [spec('x', [1, 2, 2, 3])];
    expect((await (await open(file, rgb)).get(0)).tensors['x']?.dims).toEqual([1, 3, 2, 2]);
    const last = await open(file, nhwc, { transforms: [{ op: 'toTensor', scale: 1 }, { op: 'nhwc' }] });
    expect(await valuesOf(last, 0)).toEqual([1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3]);
    const error: unknown = await (await open(file, nhwc)).get(0).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'DATA_MISMATCH', fix: expect.stringContaining('nhwc') as string });
    const bytes = await open(file, [spec('x', [1, 2, 2, 3], 'uint8')], { transforms: [] });
    expect((await bytes.get(0)).tensors['x']).toEqual({
      dtype: 'uint8',
      dims: [1, 2, 2, 3],
      data: Uint8Array.from([1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3]),
    });
  });

  it('gray pictures fit vectors and inputs without a channel axis', async () => {
    const file = write(temporaryFolder(), 'a.pgm', 'P5 3 2 255\n\x01\x02\x03\x04\x05\x06');
    const dims = async (shape: (number | string)[]) =>
      (await (await open(file, [spec('x', shape)])).get(0)).tensors['x'];
    expect(await dims(['N', 6])).toMatchObject({ dims: [1, 6] });
    expect(await dims(['N', 2, 3])).toMatchObject({ dims: [1, 2, 3] });
  });

  it('a wrong size is refused with what was found, what is wanted and a way out', async () => {
    const file = write(temporaryFolder(), 'a.png', grayPng(1, 3, 5));
    const error: unknown = await (await open(file, rgb)).get(0).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'DATA_MISMATCH', place: { field: 'x' } });
    const { reason, fix } = error as { reason: string; fix: string };
    expect(reason).toMatch(
      /a\.png has a picture that becomes fp32 \[3, 3, 5\] for the input x.*x: fp32 \[N, 3, 2, 2\]/,
    );
    expect(fix).toMatch(/2×2 with --preprocess/);
  });

  it('a corrupt picture is an unreadable sample', async () => {
    const folder = temporaryFolder();
    write(folder, 'a.png', grayPng(1).slice(0, 40));
    await expect((await open(folder, gray)).get(0)).rejects.toMatchObject({ code: 'DATA_UNREADABLE' });
  });

  it('fp16 inputs get fp16 values', async () => {
    const file = write(temporaryFolder(), 'a.png', grayPng(1));
    const data = await open(file, [spec('x', ['N', 1, 2, 2], 'fp16')]);
    expect((await data.get(0)).tensors['x']).toMatchObject({
      dtype: 'fp16',
      data: Uint16Array.of(0x3c00, 0x3c00, 0x3c00, 0x3c00),
    });
  });
});
