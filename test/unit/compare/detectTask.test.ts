import { describe, expect, it } from 'vitest';
import { detectTask, type Label } from '../../../extension/compare/detectTask';
import { elementCount, type DType, type Tensor } from '../../../extension/contract/tensor';

function tensor(dims: number[], dtype: DType = 'fp32', fill = (i: number): number => Math.sin(i) * 4): Tensor {
  const count = elementCount(dims);
  if (dtype === 'int64') return { dtype, dims, data: new BigInt64Array(count) };
  return { dtype, dims, data: Float32Array.from({ length: count }, (_, i) => fill(i)) };
}

function detect(outputs: Record<string, Tensor>, labels: Label[], metadata: Record<string, string> = {}) {
  const specs = Object.entries(outputs).map(([name, { dtype }]) => ({ name, dtype, shape: null }));
  return detectTask(specs, outputs, labels, metadata);
}

const unlabelled = [null, null];

describe('detectTask', () => {
  it('takes [batch, C] scores for classification, with or without labels', () => {
    const task = { kind: 'classification', output: 'logits', classes: 10 };
    expect(detect({ logits: tensor([2, 10]) }, [3, 4])).toEqual(task);
    expect(detect({ logits: tensor([2, 10]) }, unlabelled)).toEqual(task);
    expect(detect({ logits: tensor([2, 10, 1, 1]) }, [3, 4])).toEqual(task);
  });

  it('takes the first fitting output in graph order', () => {
    const outputs = { features: tensor([2, 8, 7, 7]), main: tensor([2, 5]), aux: tensor([2, 5]) };
    expect(detect(outputs, [0, 1])).toMatchObject({ output: 'main' });
  });

  it('does not take unit-length rows for scores, but softmax rows it does', () => {
    const embedding = tensor([2, 4], 'fp32', (i) => [0.5, -0.5, 0.5, -0.5][i % 4] as number);
    expect(detect({ embedding }, unlabelled)).toBeNull();
    const probabilities = tensor([2, 4], 'fp32', (i) => (i % 4 === 0 ? 1 : 0));
    expect(detect({ probabilities }, unlabelled)).toMatchObject({ kind: 'classification' });
  });

  it.each([
    ['segmentation', tensor([2, 21, 16, 16])],
    ['detections', tensor([2, 84, 8400])],
    ['more rows than samples', tensor([300, 6])],
    ['a single score', tensor([2, 1])],
    ['a scalar', tensor([])],
  ])('finds no task in %s', (_, output) => {
    expect(detect({ output }, unlabelled)).toBeNull();
  });

  it('reads class numbers from an integer output only when there are labels', () => {
    const output = tensor([2], 'int64');
    expect(detect({ output }, [1, 0])).toEqual({ kind: 'classification', output: 'output', classes: null });
    expect(detect({ output }, unlabelled)).toBeNull();
  });

  it('takes a sequence whose classes fit the alphabet for CTC', () => {
    const task = detect({ y: tensor([2, 40, 4]) }, unlabelled, { character: 'a\nb' });
    expect(task).toEqual({ kind: 'ctc', output: 'y', classes: 4, timeMajor: false, alphabet: ['', 'a', 'b', ' '] });
    expect(detect({ y: tensor([40, 2, 4]) }, unlabelled, { character: 'a\nb' })).toMatchObject({ timeMajor: true });
  });

  it('knows CTC by its text labels even without an alphabet, and nothing without both', () => {
    expect(detect({ y: tensor([2, 40, 97]) }, ['ab', 'c'])).toMatchObject({ kind: 'ctc', alphabet: null });
    expect(detect({ y: tensor([2, 40, 97]) }, unlabelled)).toBeNull();
    expect(detect({ y: tensor([2, 40, 97]) }, unlabelled, { character: 'a\nb' })).toBeNull();
  });

  it('leaves it to the comparison to refuse text labels of a classifier', () => {
    expect(detect({ logits: tensor([2, 10]) }, ['cat', 'dog'])).toMatchObject({ kind: 'classification' });
  });
});
