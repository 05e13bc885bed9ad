import { describe, expect, it } from 'vitest';
import type { TensorRanges } from '../../../extension/contract/calibrationTable';
import { decidePrecisions } from '../../../extension/plan/decidePrecisions';
import { buildModel, floats, node, value } from '../model/buildModel';
import { noise, rangesOf } from './planModels';

const [rows, width] = [4, 32];

/** A layer normalization in single operators between two products, of which the test scales and shifts the input. */
const model = buildModel({
  nodes: [
    node('Mul', ['x', 'scale'], ['scaled']),
    node('Add', ['scaled', 'shift'], ['h']),
    node('ReduceMean', ['h'], ['mean'], { axes: [-1] }),
    node('Sub', ['h', 'mean'], ['centred']),
    node('Pow', ['centred', 'two'], ['square']),
    node('ReduceMean', ['square'], ['variance'], { axes: [-1] }),
    node('Add', ['variance', 'epsilon'], ['padded']),
    node('Sqrt', ['padded'], ['deviation']),
    node('Div', ['centred', 'deviation'], ['normal']),
    node('MatMul', ['normal', 'w'], ['y']),
  ],
  inputs: [value('x', [rows, width]), value('scale', [1]), value('shift', [1])],
  outputs: [value('y', [rows, 2])],
  initializers: [floats('two', [], [2]), floats('epsilon', [], [1e-5]), floats('w', [width, 2], noise(width * 2))],
});

async function observed(scale: number, shift: number, representative = true): Promise<TensorRanges> {
  const scalar = (number: number) => ({ dims: [1], data: Float32Array.of(number) });
  const x = { dims: [rows, width], data: noise(rows * width) };
  return rangesOf(model, { x, scale: scalar(scale), shift: scalar(shift) }, representative);
}

const chain = ['mean', 'centred', 'square', 'variance', 'padded', 'deviation', 'normal'];

function typesOf(ranges: TensorRanges | null, low: 'fp16' | 'bf16' = 'fp16'): (string | undefined)[] {
  const { nodes } = decidePrecisions(model, { low, keep: [], ranges });
  const types = new Map([...nodes].map(([{ output }, { dtype }]) => [output[0] ?? '', dtype]));
  return chain.map((name) => types.get(name));
}

const all = (dtype: string) => chain.map(() => dtype);

describe('a layer normalization in single operators', () => {
  it('is in FP16 where the data leaves room on both sides', async () => {
    expect(typesOf(await observed(1, 0.5))).toEqual(all('fp16'));
  });

  it.each([
    ['squares near the end of FP16', 100, 0],
    ['sums of squares beyond FP16', 88, 0],
    ['a variance that FP16 rounds to a subnormal number', 0.01, 0],
    ['a mean that takes the digits of what is centred', 1, 20],
  ])('stays in FP32 for %s', async (_, scale, shift) => {
    expect(typesOf(await observed(scale, shift))).toEqual(all('fp32'));
  });

  it('stays in FP32 without data, with made-up data, and in BF16', async () => {
    expect(typesOf(null)).toEqual(all('fp32'));
    expect(typesOf(await observed(1, 0.5, false))).toEqual(all('fp32'));
    expect(typesOf(await observed(1, 0.5), 'bf16')).toEqual(all('fp32'));
  });
});
