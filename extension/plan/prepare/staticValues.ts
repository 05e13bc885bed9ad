/**
 * Integers and truth values that follow from the model's constants and its declared input shapes, without running it.
 *
 * A scripted squeeze asks `Equal(Gather(Shape(x), axis), 1)`, a rank check `Equal(Size(Shape(x)), 4)`: where the sizes they look
 * at are fixed, so is the answer, even if others (the batch) are free. Used by `inlineBranches.ts`. Nothing rounds: only
 * integers and truth values are followed, through the operators with which exporters ask such questions.
 */
import { elementCount } from '../../contract/tensor';
import { getInt, hasAttribute } from '../../model/attributes';
import { dtypeOrNull } from '../../model/dtype';
import { flatGraph } from '../../model/flatGraph';
import { normalDomain, type Model } from '../../model/model';
import type { NodeProto } from '../../model/onnx.generated';
import { Constants } from '../constants';
import { outputShape, type Sizes } from './staticShapes';

/** Elements of a scalar or vector; null for one that is not known. Truth values are 0 and 1. */
interface KnownValues {
  readonly rank: 0 | 1;
  readonly elements: readonly (number | null)[];
}

/** Longer vectors are data. */
const mostElements = 64;

export class StaticValues {
  private readonly constants: Constants;
  private readonly shapes = new Map<string, Sizes>();
  private readonly values = new Map<string, KnownValues>();

  /** @param model names must be unique over all bodies, nodes in topological order */
  constructor(model: Model) {
    const flat = flatGraph(model.proto.graph);
    this.constants = new Constants(flat, model);
    for (const tensor of flat.initializer) this.shapes.set(tensor.name ?? '', tensor.dims);
    // Not those of bodies: what a Loop carries may change its size, and a Scan hands over slices.
    for (const { name, type } of model.proto.graph.input) {
      const dims = type?.tensorType?.shape?.dim;
      const sizes = dims?.map(({ dimValue }) => (dimValue !== undefined && dimValue > 0 ? Number(dimValue) : null));
      if (name !== undefined && sizes !== undefined) this.shapes.set(name, sizes);
    }
    for (const node of flat.node) if (normalDomain(node.domain) === '') this.visit(node);
  }

  /** The truth value that a tensor of one element has in every run; undefined if that depends on the inputs' data or free sizes. */
  condition(name: string): boolean | undefined {
    const known = this.valuesOf(name);
    const [element] = known?.elements ?? [];
    return known?.elements.length !== 1 || element === null || element === undefined ? undefined : element !== 0;
  }

  private visit(node: NodeProto): void {
    const [output = ''] = node.output;
    const shape = outputShape(node, {
      shape: (position) => this.shapes.get(node.input[position] ?? ''),
      integers: (position) => {
        const elements = this.valuesOf(node.input[position] ?? '')?.elements;
        return elements === undefined || elements.includes(null) ? undefined : (elements as number[]);
      },
    });
    if (shape !== undefined) this.shapes.set(output, shape);
    const values = this.evaluate(node);
    if (values !== undefined && values.elements.length <= mostElements) this.values.set(output, values);
  }

  private valuesOf(name: string): KnownValues | undefined {
    const known = this.values.get(name);
    if (known !== undefined) return known;
    const dims = this.constants.dims(name);
    if (dims === undefined || dims.length > 1 || elementCount(dims) > mostElements) return undefined;
    const tensor = this.constants.tensor(name);
    if (tensor === undefined || !wholeTypes.has(tensor.dtype)) return undefined;
    const elements = Array.from(tensor.data as ArrayLike<number | bigint>, Number);
    return { rank: dims.length === 0 ? 0 : 1, elements };
  }

  private evaluate(node: NodeProto): KnownValues | undefined {
    const [first, second] = node.input.map((name) => this.valuesOf(name));
    const opType = node.opType ?? '';
    if (opType === 'Shape') return this.shapeValues(node);
    if (opType === 'Size') {
      const shape = this.shapes.get(node.input[0] ?? '');
      return shape === undefined || shape.includes(null)
        ? undefined
        : { rank: 0, elements: [elementCount(shape as number[])] };
    }
    if (opType === 'Concat') return concatenated(node.input.map((name) => this.valuesOf(name)));
    if (first === undefined) return undefined;
    if (opType === 'Identity') return first;
    if (opType === 'Cast') return cast(node, first);
    if (opType === 'Squeeze' || opType === 'Unsqueeze' || opType === 'Reshape')
      return this.reshaped(first, node.output[0]);
    if (opType === 'Not') return mapped(first, (element) => (element === 0 ? 1 : 0));
    if (second === undefined) return undefined;
    if (opType === 'Gather') return gathered(node, first, second);
    const operation = operations[opType];
    return operation === undefined ? undefined : combined(first, second, operation);
  }

  private shapeValues(node: NodeProto): KnownValues | undefined {
    const shape = this.shapes.get(node.input[0] ?? '');
    const end = hasAttribute(node, 'end') ? getInt(node, 'end', 0) : shape?.length;
    return shape && { rank: 1, elements: shape.slice(getInt(node, 'start', 0), end) };
  }

  private reshaped(values: KnownValues, output: string | undefined): KnownValues | undefined {
    const shape = this.shapes.get(output ?? '');
    return shape === undefined || shape.length > 1 ? undefined : { ...values, rank: shape.length === 0 ? 0 : 1 };
  }
}

const wholeTypes: ReadonlySet<string> = new Set(['int64', 'int32', 'bool', 'uint8', 'int8']);

type Operation = (a: number, b: number) => number;

const operations: Readonly<Record<string, Operation>> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Equal: (a, b) => Number(a === b),
  Greater: (a, b) => Number(a > b),
  GreaterOrEqual: (a, b) => Number(a >= b),
  Less: (a, b) => Number(a < b),
  LessOrEqual: (a, b) => Number(a <= b),
  And: (a, b) => Number(a !== 0 && b !== 0),
  Or: (a, b) => Number(a !== 0 || b !== 0),
  Xor: (a, b) => Number((a !== 0) !== (b !== 0)),
};

function mapped(values: KnownValues, change: (element: number) => number): KnownValues {
  return { ...values, elements: values.elements.map((element) => (element === null ? null : change(element))) };
}

/** Elements of equal places, or one against all. */
function combined(a: KnownValues, b: KnownValues, operation: Operation): KnownValues | undefined {
  const length = a.elements.length === 1 ? b.elements.length : a.elements.length;
  if (b.elements.length !== length && b.elements.length !== 1) return undefined;
  const elements = Array.from({ length }, (_, i) => {
    const [x, y] = [a, b].map(({ elements: all }) => all[all.length === 1 ? 0 : i]!);
    return x === null || y === null ? null : operation(x!, y!);
  });
  return { rank: a.rank === 0 ? b.rank : a.rank, elements };
}

function concatenated(parts: readonly (KnownValues | undefined)[]): KnownValues | undefined {
  const elements: (number | null)[] = [];
  for (const part of parts) {
    if (part?.rank !== 1) return undefined;
    elements.push(...part.elements);
  }
  return { rank: 1, elements };
}

function gathered(node: NodeProto, { rank, elements }: KnownValues, indices: KnownValues): KnownValues | undefined {
  if (rank !== 1 || (getInt(node, 'axis', 0) !== 0 && getInt(node, 'axis', 0) !== -1)) return undefined;
  const picked = indices.elements.map((index) => {
    const position = index === null ? -1 : index < 0 ? index + elements.length : index;
    return elements[position] ?? null;
  });
  return { rank: indices.rank, elements: picked };
}

/** Between whole types; 32 bits hold every size. */
function cast(node: NodeProto, values: KnownValues): KnownValues | undefined {
  const target = dtypeOrNull(getInt(node, 'to', 0));
  if (target === 'bool') return mapped(values, (element) => Number(element !== 0));
  return target === 'int64' || target === 'int32' ? values : undefined;
}
