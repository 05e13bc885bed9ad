import { describe, expect, it } from 'vitest';
import { GraphIndex } from '../../../extension/model/graphIndex';
import type { NodeProto } from '../../../extension/model/onnx.generated';
import { makeTensor } from '../../../extension/model/tensorValues';
import { FusedKernels } from '../../../extension/plan/fusedKernels';
import { float32, model, node, value } from '../calibrate/smallModels';

/** The owner's output by tensor. */
function ownersOf(nodes: NodeProto[], tensors: string[], outputs = [nodes.at(-1)!.output[0]!]) {
  const constants = ['w', 'three'].map((name) => makeTensor(name, float32([4, 4, 1, 1], new Float32Array(16))));
  const shape = ['batch', 4, 8, 8];
  const { proto } = model(
    [value('image', 'fp32', shape), value('other', 'fp32', shape)],
    nodes,
    outputs.map((name) => value(name, 'fp32', shape)),
    constants,
  );
  const kernels = new FusedKernels(new GraphIndex(proto.graph), proto.graph.node);
  return tensors.map((name) => kernels.owner(name)?.output[0] ?? null);
}

describe('FusedKernels', () => {
  it('gives a layer its activation, of several nodes, too', () => {
    const nodes = [
      node('Conv', ['image', 'w'], ['a']),
      node('Sigmoid', ['a'], ['gate']),
      node('Mul', ['a', 'gate'], ['silu']),
      node('Conv', ['silu', 'w'], ['b']),
      node('Relu', ['b'], ['relu']),
    ];
    expect(ownersOf(nodes, ['image', 'a', 'gate', 'silu', 'b', 'relu'])).toEqual([null, 'a', 'a', 'a', 'b', 'b']);
  });

  it('gives a residual sum to the branch that nobody else reads', () => {
    const nodes = [
      node('Conv', ['image', 'w'], ['skip']),
      node('Conv', ['skip', 'w'], ['branch']),
      node('Add', ['skip', 'branch'], ['sum']),
      node('Relu', ['sum'], ['active']),
    ];
    expect(ownersOf(nodes, ['sum', 'active'])).toEqual(['branch', 'branch']);
  });

  it('gives nobody a residual sum behind an activation', () => {
    const nodes = [
      node('Conv', ['image', 'w'], ['skip']),
      node('Conv', ['skip', 'w'], ['branch']),
      node('Relu', ['branch'], ['active']),
      node('Add', ['skip', 'active'], ['sum']),
    ];
    expect(ownersOf(nodes, ['active', 'sum'])).toEqual(['branch', null]);
  });

  it('gives nobody a product of two layers, a GELU, what has constants, and other operators', () => {
    const nodes = [
      node('Conv', ['image', 'w'], ['a']),
      node('Conv', ['other', 'w'], ['b']),
      node('Mul', ['a', 'b'], ['product']),
      node('Gelu', ['a'], ['gelu']),
      node('Mul', ['b', 'three'], ['scaled']),
      node('MaxPool', ['b'], ['pooled']),
    ];
    const tensors = ['product', 'gelu', 'scaled', 'pooled'];
    expect(ownersOf(nodes, tensors, tensors)).toEqual([null, null, null, null]);
  });

  it('looks through chains of any length', () => {
    const nodes = [node('Conv', ['image', 'w'], ['x0'])];
    for (let i = 0; i < 50_000; i++) nodes.push(node('Relu', [`x${i}`], [`x${i + 1}`]));
    expect(ownersOf(nodes, ['x50000'])).toEqual(['x0']);
  });
});
