/**
 * Random chains of matrix products wide enough for INT4, which the layers of `randomGraph.ts` are not: MatMul and Gemm with every
 * attribute, stacked matrices, weights read twice, depths with and without blocks, odd widths. Activations between them keep
 * the values in range.
 */
import { RandomNumbers } from './randomNumbers';
import { buildModel, floats, node, value } from '../unit/model/buildModel';
import type { Model } from '../../extension/model/model';
import type { NodeProto, TensorProto } from '../../extension/model/onnx.generated';

/** Multiples of 128, of 64, of neither; the last is odd. */
const sizes = [128, 256, 64, 192, 100, 65] as const;

export interface WideProducts {
  readonly model: Model;
  /** Of the input `x`. */
  readonly dims: readonly number[];
}

export function wideProducts(seed: number): WideProducts {
  const random = new RandomNumbers(seed);
  const nodes: NodeProto[] = [];
  const initializers: TensorProto[] = [];
  const stack = random.chance(0.25) ? [2] : [];
  const size = () => random.pick(sizes);
  const constant = (dims: readonly number[], scale: number): string => {
    const name = `w${initializers.length}`;
    const count = dims.reduce((product, length) => product * length, 1);
    const values = Float32Array.from({ length: count }, () => random.normal() * scale);
    initializers.push(floats(name, dims, values));
    return name;
  };
  let depth: number = size();
  const dims = [...stack, 3, depth];
  let current = 'x';
  let reusable: { name: string; width: number } | null = null;
  const steps = random.integer(2, 4);
  for (let step = 0; step < steps; step++) {
    const output = `p${step}`;
    const again: { name: string; width: number } | null = reusable?.width === depth ? reusable : null;
    const width: number = again === null ? size() : depth;
    if (stack.length === 0 && again === null && random.chance(0.5)) {
      const transB = random.chance(0.5);
      const weight = constant(transB ? [width, depth] : [depth, width], 1 / Math.sqrt(depth));
      const input = [current, weight, ...(random.chance(0.7) ? [constant([width], 0.2)] : [])];
      const attributes = {
        transB: Number(transB),
        alpha: { float: random.pick([1, 0.5]) },
        beta: { float: random.pick([1, -0.5]) },
      };
      nodes.push(node('Gemm', input, [output], attributes));
    } else {
      const weight: string = again?.name ?? constant([...stack, depth, width], 1 / Math.sqrt(depth));
      if (width === depth) reusable = { name: weight, width };
      nodes.push(node('MatMul', [current, weight], [output]));
    }
    current = step === steps - 1 ? 'y' : `a${step}`;
    nodes.push(node(random.pick(['Relu', 'Tanh', 'Sigmoid'] as const), [output], [current]));
    depth = width;
  }
  const model = buildModel({
    nodes,
    inputs: [value('x', dims)],
    outputs: [value('y', null)],
    initializers,
    opset: random.pick([13, 17, 21, 22]),
    irVersion: 10,
  });
  return { model, dims };
}
