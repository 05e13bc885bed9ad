import { describe, expect, it } from 'vitest';
import { Comparison, type ComparedBatch } from '../../../extension/compare/comparison';
import type { Label, Task } from '../../../extension/compare/detectTask';
import { CodedError } from '../../../extension/contract/errors';
import type { Tensor } from '../../../extension/contract/tensor';

const classification: Task = { kind: 'classification', output: 'logits', classes: 6 };

const rows = (values: number[][]): Tensor => ({
  dtype: 'fp32',
  dims: [values.length, values[0]?.length ?? 0],
  data: new Float32Array(values.flat()),
});

/** Scores of six classes whose largest is at `answer`. */
const scores = (answer: number, shift = 0): number[] =>
  Array.from({ length: 6 }, (_, i) => (i === answer ? 10 : i) + shift);

function batch(labels: Label[], reference: number[], test: number[]): ComparedBatch {
  return {
    ids: labels.map((_, i) => `s${i}`),
    labels,
    reference: { logits: rows(reference.map((answer) => scores(answer))) },
    test: { logits: rows(test.map((answer) => scores(answer, 0.25))) },
    valid: labels.length,
  };
}

const comparison = (task: Task | null, worst?: number): Comparison =>
  new Comparison({
    outputs: [{ name: 'logits' }],
    task,
    backend: 'onnxruntime',
    simulated: false,
    ...(worst === undefined ? {} : { worst }),
  });

describe('Comparison of a classifier', () => {
  it('counts right, changed, lost and gained answers over batches', () => {
    const compared = comparison(classification);
    //              labels          fp32            variant
    compared.add(batch([0, 1, 2, 3], [0, 1, 2, 4], [0, 2, 2, 3]));
    compared.add(batch([4, 5], [4, 5], [4, 0]));
    const { task, samples } = compared.finish();
    expect(samples).toBe(6);
    expect(task).toMatchObject({ kind: 'classification', labelled: 6, lost: 2, gained: 1, mcnemarP: 1 });
    expect(task?.top1).toBeCloseTo(4 / 6, 12);
    expect(task?.agreement).toBeCloseTo(3 / 6, 12);
    expect(task?.top1Low).toBeLessThan(4 / 6);
    expect(task?.top1High).toBeGreaterThan(4 / 6);
  });

  it('counts the five largest scores for top-5, the lower index first among equals', () => {
    const compared = comparison(classification);
    const equal = rows([
      [1, 1, 1, 1, 1, 1],
      [1, 1, 1, 1, 1, 1],
    ]);
    compared.add({ ids: ['a', 'b'], labels: [4, 5], reference: { logits: equal }, test: { logits: equal }, valid: 2 });
    expect(compared.finish().task?.top5).toBe(0.5);
  });

  it('has no top-5 where five classes are all there are', () => {
    const compared = comparison({ ...classification, classes: 3 });
    const logits = rows([[1, 2, 3]]);
    compared.add({ ids: ['a'], labels: [2], reference: { logits }, test: { logits }, valid: 1 });
    expect(compared.finish().task).toMatchObject({ top1: 1, top5: null });
  });

  it('knows agreement without labels, and nothing about right or wrong', () => {
    const compared = comparison(classification);
    compared.add(batch([null, null], [1, 2], [1, 3]));
    expect(compared.finish().task).toMatchObject({
      top1: null,
      top1Low: null,
      mcnemarP: null,
      lost: null,
      agreement: 0.5,
      labelled: 0,
    });
  });

  it('scores only the labelled samples of a partly labelled set', () => {
    const compared = comparison(classification);
    compared.add(batch([1, null], [1, 2], [1, 3]));
    expect(compared.finish().task).toMatchObject({ top1: 1, labelled: 1, agreement: 0.5 });
  });

  it('takes no answer from NaN: wrong, and in agreement with nothing', () => {
    const compared = comparison(classification);
    const logits = rows([[NaN, 1, 2, 3, 4, 5]]);
    compared.add({ ids: ['a'], labels: [0], reference: { logits }, test: { logits }, valid: 1 });
    expect(compared.finish().task).toMatchObject({ top1: 0, agreement: 0 });
  });

  it.each([6, -1, 1.5, 'cat'])('refuses the label %s, naming the sample', (label) => {
    const compared = comparison(classification);
    let thrown: unknown;
    try {
      compared.add(batch([0, label], [0, 1], [0, 1]));
    } catch (error) {
      thrown = error;
    }
    expect(CodedError.is(thrown, 'DATA_LABELS_INVALID')).toBe(true);
    expect((thrown as CodedError).reason).toContain('"s1"');
  });

  it('leaves the padding of a fixed batch out of every count', () => {
    const compared = comparison(classification);
    compared.add({ ...batch([0, 1, 2], [0, 1, 5], [0, 1, 4]), valid: 2, rows: 3 });
    expect(compared.finish()).toMatchObject({ samples: 2, task: { labelled: 2, agreement: 1, top1: 1 } });
  });

  it('reads class numbers from an integer output', () => {
    const compared = comparison({ ...classification, classes: null });
    const ints = (values: bigint[]): Tensor => ({
      dtype: 'int64',
      dims: [values.length],
      data: new BigInt64Array(values),
    });
    compared.add({
      ids: ['a', 'b'],
      labels: [7, 8],
      reference: { logits: ints([7n, 8n]) },
      test: { logits: ints([7n, 9n]) },
      valid: 2,
    });
    expect(compared.finish().task).toMatchObject({ top1: 0.5, lost: 1, agreement: 0.5, top5: null });
  });
});

describe('Comparison of a text recognizer', () => {
  const alphabet = ['', 'a', 'b', ' '];
  const path = (steps: number[]): number[] => steps.flatMap((index) => alphabet.map((_, i) => (i === index ? 1 : 0)));
  const sequences = (paths: number[][], timeMajor = false): Tensor => {
    const steps = paths[0]?.length ?? 0;
    const inOrder = timeMajor
      ? Array.from({ length: steps }, (_, step) => paths.flatMap((one) => path([one[step] ?? 0]))).flat()
      : paths.flatMap(path);
    const dims = timeMajor ? [steps, paths.length, 4] : [paths.length, steps, 4];
    return { dtype: 'fp32', dims, data: new Float32Array(inOrder) };
  };

  it.each([false, true])('compares exact lines without spaces, and texts as they are (time first: %s)', (timeMajor) => {
    const compared = comparison({ kind: 'ctc', output: 'logits', classes: 4, timeMajor, alphabet });
    compared.add({
      ids: ['x', 'y', 'z'],
      labels: ['a b', 'aa', ''],
      // "ab" "a"   "" against "a b" "aa" ""
      reference: {
        logits: sequences(
          [
            [1, 1, 2, 0],
            [1, 1, 0, 0],
            [0, 0, 0, 0],
          ],
          timeMajor,
        ),
      },
      test: {
        logits: sequences(
          [
            [1, 3, 2, 0],
            [1, 0, 1, 0],
            [0, 0, 0, 0],
          ],
          timeMajor,
        ),
      },
      valid: 3,
    });
    const { task, worst } = compared.finish();
    expect(task).toMatchObject({ kind: 'ctc', top1: 1, lost: 0, gained: 1, top5: null, labelled: 3 });
    expect(task?.agreement).toBeCloseTo(1 / 3, 12);
    if (!timeMajor) {
      expect(worst.find(({ sample }) => sample === 'y')).toMatchObject({ label: 'aa', expected: 'a', got: 'aa' });
    }
  });

  it('knows only agreement when the model does not carry its alphabet', () => {
    const compared = comparison({ kind: 'ctc', output: 'logits', classes: 4, timeMajor: false, alphabet: null });
    const logits = sequences([[1, 2]]);
    compared.add({ ids: ['x'], labels: ['ab'], reference: { logits }, test: { logits }, valid: 1 });
    expect(compared.finish().task).toMatchObject({ top1: null, agreement: 1 });
  });
});

describe('Comparison: worst samples', () => {
  it('lists the lowest SQNR first, new NaN before all, identical samples never, and keeps only a few', () => {
    const compared = comparison(null, 3);
    const reference = rows([
      [1, 1],
      [1, 1],
      [1, 1],
      [1, 1],
      [1, 1],
    ]);
    const test = rows([
      [1.1, 1],
      [1, 1],
      [1.5, 1],
      [NaN, 1],
      [1.01, 1],
    ]);
    compared.add({
      ids: ['small', 'same', 'large', 'broken', 'tiny'],
      labels: [null, null, null, null, null],
      reference: { logits: reference },
      test: { logits: test },
      valid: 5,
    });
    expect(compared.finish().worst.map(({ sample }) => sample)).toEqual(['broken', 'large', 'small']);
  });

  it('names classes where the data set does', () => {
    const compared = new Comparison({
      outputs: [{ name: 'logits' }],
      task: classification,
      backend: 'onnxruntime',
      simulated: false,
      classNames: ['ant', 'bee', 'cat', 'dog', 'emu', 'fox'],
    });
    compared.add(batch([1], [1], [2]));
    expect(compared.finish().worst).toMatchObject([{ sample: 's0', label: 'bee', expected: 'bee', got: 'cat' }]);
  });

  it('compares fp32 with itself: identical, no worst sample', () => {
    const compared = comparison(classification);
    const logits = rows([scores(1)]);
    compared.add({ ids: ['a'], labels: [1], reference: { logits }, test: { logits }, valid: 1 });
    const { outputs, worst, task } = compared.finish();
    expect(outputs[0]).toMatchObject({ sqnrDb: null, maxAbs: 0 });
    expect(worst).toEqual([]);
    expect(task).toMatchObject({ agreement: 1, lost: 0, gained: 0 });
  });
});
