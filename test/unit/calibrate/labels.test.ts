import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { labelsInOrder, labelsOfFiles, readLabels } from '../../../extension/calibrate/labels';

const folder = mkdtempSync(join(tmpdir(), 'labels-'));
afterAll(() => rmSync(folder, { recursive: true }));
function table(name: string, content: string) {
  writeFileSync(join(folder, name), content);
  return readLabels(join(folder, name));
}

describe('readLabels', () => {
  it('the first label column by name wins, other columns are ignored', async () => {
    const { entries } = await table(
      'a.csv',
      'file,class_index,wnid,name\na.jpg,8,n1,hen\nb.jpg,10,n2,"brambling, finch"\n',
    );
    expect(entries.map(({ name, label }) => [name, label])).toEqual([
      ['a.jpg', 8],
      ['b.jpg', 10],
    ]);
  });

  it('without a header: path and text, tabs, quotation marks and commas kept', async () => {
    const { entries } = await table('a.tsv', '0.jpg\tsay "hi", you\n1.jpg\t12\n');
    expect(entries.map(({ label }) => label)).toEqual(['say "hi", you', '12']);
  });

  it('one label per line', async () => {
    expect((await table('a.txt', '3\n1\n')).entries.map(({ name, label }) => [name, label])).toEqual([
      [null, 3],
      [null, 1],
    ]);
  });

  it.each([
    ['b.csv', 'file,weight\na.jpg,1\n', /no column of labels; its columns are file, weight/],
    ['b.csv', 'file,label\na.jpg,\n', /line 2 has nothing in the column "label"/],
    ['b.csv', 'file,label\n"a.jpg,1\n', /b\.csv: .*[Qq]uote/],
  ])('refuses %s %j', async (name, content, reason) => {
    await expect(table(name, content)).rejects.toMatchObject({
      code: 'DATA_LABELS_INVALID',
      reason: expect.stringMatching(reason) as string,
      place: { file: join(folder, name) },
    });
  });

  it('a file that is not there is a labels error', async () => {
    await expect(readLabels(join(folder, 'none.csv'))).rejects.toMatchObject({ code: 'DATA_LABELS_INVALID' });
  });
});

describe('labelsOfFiles', () => {
  const files = ['/d/x/1.png', '/d/y/1.png', '/d/y/2.png'];
  it('prefers the relative path; a base name serves where only one entry has it', async () => {
    const labels = await table('c.csv', 'file,label\ny/1.png,1\n./x/1.png,0\n2.png,2\n');
    expect(labelsOfFiles(labels, files, '/d').map(({ label }) => label)).toEqual([0, 1, 2]);
  });

  it('an ambiguous base name is no label', async () => {
    const labels = await table('c.csv', 'file,label\na/2.png,1\nb/2.png,0\nx/1.png,3\ny/1.png,4\n');
    expect(() => labelsOfFiles(labels, files, '/d')).toThrow(/no label for 1 of 3 samples: y\/2\.png/);
  });

  it('names at most five of those that are missing', async () => {
    const many = Array.from({ length: 9 }, (_, at) => `/d/${at}.png`);
    const labels = await table('c.csv', 'file,label\n0.png,1\n');
    expect(() => labelsOfFiles(labels, many, '/d')).toThrow(
      /8 of 9 samples: 1\.png, 2\.png, 3\.png, 4\.png, 5\.png, …/,
    );
  });
});

describe('labelsInOrder', () => {
  it('goes by number where the names are numbers, else by line', async () => {
    const numbered = await table('e.csv', 'index,label\n1,8\n0,7\n');
    expect(labelsInOrder(numbered, 2).map(({ label }) => label)).toEqual([7, 8]);
    const lines = await table('e.txt', 'b\na\n');
    expect(labelsInOrder(lines, 2).map(({ label }) => label)).toEqual(['b', 'a']);
    expect(() => labelsInOrder(lines, 3)).toThrow(/2 labels for 3 samples/);
  });
});
