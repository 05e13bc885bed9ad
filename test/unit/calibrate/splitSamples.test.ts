import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Dataset, Label } from '../../../extension/calibrate/dataset';
import {
  findSharedSamples,
  separateSamples,
  splitSamples,
  stratifiedOrder,
} from '../../../extension/calibrate/splitSamples';

const folder = mkdtempSync(join(tmpdir(), 'split-'));
afterAll(() => rmSync(folder, { recursive: true }));

function fake(
  length: number,
  labelOf: (index: number) => Label = () => null,
  fileOf?: (index: number) => string,
): Dataset {
  const describe = (index: number) => ({ id: `s${index}`, label: labelOf(index), file: fileOf?.(index) ?? null });
  return {
    kind: 'imageFolder',
    source: 'pictures',
    length,
    labelled: labelOf(0) !== null,
    classes: null,
    describe,
    get: () => Promise.reject(new Error('a split reads no sample')),
    sha256: () => Promise.resolve(''),
    close: () => Promise.resolve(),
  };
}
const all = { calibrationSamples: 512, evaluationSamples: null };
const upTo = (length: number) => [...Array(length).keys()];

describe('splitSamples', () => {
  it.each([
    [2, 1, 1],
    [3, 1, 2],
    [8, 2, 6],
    [100, 25, 75],
    [5000, 512, 4488],
  ])('%i samples: %i calibrate, %i are evaluated, none both, none lost', (total, calibrating, evaluating) => {
    const split = splitSamples(fake(total), all);
    expect([split.calibration.length, split.evaluation.length]).toEqual([calibrating, evaluating]);
    expect([...split.calibration, ...split.evaluation].sort((a, b) => a - b)).toEqual(upTo(total));
    expect(split.shared).toBe(false);
    expect(split.sentence).toMatch(
      new RegExp(`${calibrating} samples? calibrates?, ${evaluating} others? (is|are) evaluated; no sample does both`),
    );
  });

  it('is the same every time, ascending, and another one with another seed', () => {
    const split = splitSamples(fake(100), all);
    expect(splitSamples(fake(100), all)).toEqual(split);
    expect(split.calibration).toEqual([...split.calibration].sort((a, b) => a - b));
    expect(split.calibration).not.toEqual(upTo(25));
    expect(splitSamples(fake(100), { ...all, seed: 1 }).calibration).not.toEqual(split.calibration);
  });

  it('a sample keeps its side when others join, up to the shift of the border', () => {
    const before = new Set(splitSamples(fake(100), all).calibration);
    const after = splitSamples(fake(104), all).calibration.filter((index) => index < 100);
    expect(after.filter((index) => !before.has(index)).length).toBeLessThanOrEqual(1);
  });

  it('gives every class its share on both sides, in capped evaluation, too', () => {
    // 10 classes of 12: sorted by class, as class folders are.
    const data = fake(120, (index) => Math.floor(index / 12));
    const split = splitSamples(data, { calibrationSamples: 512, evaluationSamples: 40 });
    const perClass = (indices: readonly number[]) =>
      upTo(10).map((label) => indices.filter((index) => Math.floor(index / 12) === label).length);
    expect(perClass(split.calibration)).toEqual(Array(10).fill(3));
    expect(perClass(split.evaluation)).toEqual(Array(10).fill(4));
  });

  it('shares of unequal classes stay within one sample', () => {
    const data = fake(100, (index) => (index < 90 ? 0 : 1));
    const rare = splitSamples(data, all).calibration.filter((index) => index >= 90).length;
    expect([2, 3]).toContain(rare);
  });

  it('one sample has to do both, and the sentence says so', () => {
    const split = splitSamples(fake(1), all);
    expect(split).toMatchObject({ calibration: [0], evaluation: [0], shared: true });
    expect(split.sentence).toMatch(/one sample.*flattered/);
  });

  it('every prefix of the order holds the classes in their shares', () => {
    const order = stratifiedOrder(fake(40, (index) => index % 4));
    for (let cut = 4; cut <= 40; cut += 4) {
      const counts = [0, 0, 0, 0];
      for (const index of order.slice(0, cut)) counts[index % 4]! += 1;
      expect(counts).toEqual(Array(4).fill(cut / 4));
    }
  });
});

describe('separateSamples', () => {
  it('takes calibration from one and evaluation from the other, each capped', () => {
    const split = separateSamples(fake(600), fake(50), { calibrationSamples: 512, evaluationSamples: 20 });
    expect([split.calibration.length, split.evaluation.length]).toEqual([512, 20]);
    expect(separateSamples(fake(6), fake(50), all).evaluation).toEqual(upTo(50));
    expect(split.sentence).toMatch(/512 samples of pictures calibrate, 20 samples of pictures are evaluated/);
  });
});

describe('findSharedSamples', () => {
  const make = (name: string, contents: readonly string[]) =>
    contents.map((content, at) => {
      const file = join(folder, `${name}${at}`);
      writeFileSync(file, content);
      return file;
    });
  const check = (a: readonly string[], b: readonly string[]) => {
    const one = fake(a.length, undefined, (index) => a[index]!);
    const two = fake(b.length, undefined, (index) => b[index]!);
    return findSharedSamples(one, two, separateSamples(one, two, all));
  };

  it('finds the same file and the same content elsewhere', async () => {
    const a = make('a', ['one', 'two', 'three']);
    const copies = make('b', ['uno', 'two', 'four!']);
    expect(await check(a, copies)).toMatch(/^1 of 3 evaluated samples also calibrate \(.*b1 is one\)/);
    expect(await check(a, a)).toMatch(/^3 of 3/);
  });

  it('says nothing where they differ, equal sizes or not', async () => {
    expect(await check(make('c', ['one', 'two']), make('d', ['six', 'seven']))).toBeNull();
  });

  it('warns where one array file serves both', async () => {
    const data = fake(10);
    expect(await findSharedSamples(data, data, separateSamples(data, data, all))).toMatch(/same data/);
  });
});
