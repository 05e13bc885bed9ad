/**
 * Writes the weights of a placement in INT4: packed constants K × N behind a DequantizeLinear with blocks along K, which feeds
 * its MatMul directly.
 *
 * Runs on the FP32 graph, as `writeQuantization.ts` does: scales are FP32 constants here that hold FP16 numbers, and `writeCasts.ts`
 * stores them so. There is no zero point, as in what ModelOpt writes for TensorRT: it would be zero and of the size of the scales. A
 * Gemm becomes MatMul and Add, with its matrix turned once and for all: TensorRT makes the same two layers of it, and the
 * DequantizeLinear then stands before a plain product whatever transB was.
 */
import { elementCount, type Tensor } from '../../contract/tensor';
import { getFloat, getInt, removeAttribute, setInt, setInts } from '../../model/attributes';
import { GraphIndex } from '../../model/graphIndex';
import { packInt4 } from '../../model/int4';
import type { Model } from '../../model/model';
import { newNode, type GraphProto, type NodeProto } from '../../model/onnx.generated';
import { makeTensor, readTensor } from '../../model/tensorValues';
import { weightInput, type Int4Placement, type Int4Weight } from './placeInt4';
import { quantizeBlocks } from './quantizeBlocks';

/** @returns the new nodes that compute in the type of the product they belong to, by that product */
export function writeInt4(model: Model, placement: Int4Placement): Map<NodeProto, NodeProto> {
  return new Int4Writer(model).write(placement);
}

interface StoredWeight {
  /** Name of the packed constant …×K×N. */
  readonly packed: string;
  readonly dims: readonly number[];
  /** FP32, …×K/block×N. */
  readonly scales: Tensor;
}

class Int4Writer {
  private readonly graph: GraphProto;
  private readonly index: GraphIndex;
  private readonly owners = new Map<NodeProto, NodeProto>();
  /** Weights go first; what replaces a Gemm stands around it. */
  private readonly first: NodeProto[] = [];
  private readonly before = new Map<NodeProto, NodeProto[]>();
  private readonly behind = new Map<NodeProto, NodeProto[]>();
  /** By weight and form. */
  private readonly known = new Map<string, StoredWeight>();

  constructor(private readonly model: Model) {
    this.graph = model.proto.graph;
    this.index = new GraphIndex(this.graph);
  }

  write({ weights }: Int4Placement): Map<NodeProto, NodeProto> {
    for (const weight of weights) {
      const dequantized = this.dequantize(weight);
      if (weight.node.opType === 'Gemm') this.splitGemm(weight.node);
      weight.node.input[weightInput] = dequantized;
    }
    const around = (node: NodeProto) => [...(this.before.get(node) ?? []), node, ...(this.behind.get(node) ?? [])];
    this.graph.node = [...this.first, ...this.graph.node.flatMap(around)];
    return this.owners;
  }

  /**
   * Readers of one weight share its integers; each has a DequantizeLinear and scales of its own. TensorRT-RTX 1.7.1 crashes while it
   * builds two products side by side whose weights come out of the same node or of the same pair of constants.
   */
  private dequantize(weight: Int4Weight): string {
    const { node, tensor, block } = weight;
    const { packed, dims, scales } = this.stored(weight);
    const output = this.index.uniqueName(`${tensor}_dequantized`);
    const dequantize = newNode({
      opType: 'DequantizeLinear',
      name: this.index.uniqueName(`DequantizeLinear_${output}`),
      input: [packed, this.addConstant(`${tensor}_scale`, scales)],
      output: [output],
    });
    setInt(dequantize, 'axis', dims.length - 2);
    setInt(dequantize, 'block_size', block);
    this.first.push(dequantize);
    this.owners.set(dequantize, node);
    return output;
  }

  private stored(weight: Int4Weight): StoredWeight {
    const { tensor, transposed, block, node } = weight;
    const alpha = node.opType === 'Gemm' ? getFloat(node, 'alpha', 1) : 1;
    const key = JSON.stringify([tensor, transposed, block, alpha]);
    let found = this.known.get(key);
    if (found === undefined) {
      const { dims, data } = scaled(this.matrix(weight), alpha);
      const outer = dims.slice(0, -2);
      const [rows = 1, columns = 1] = dims.slice(-2);
      const shape = { matrices: elementCount(outer), rows, columns, block };
      const { values, scales } = quantizeBlocks(data as Float32Array, shape);
      found = {
        packed: this.addConstant(`${tensor}_int4`, { dtype: 'int4', dims, data: packInt4(values) }),
        dims,
        scales: { dtype: 'fp32', dims: [...outer, rows / block, columns], data: scales },
      };
      this.known.set(key, found);
    }
    return found;
  }

  /** The weights as K × N. */
  private matrix({ tensor, transposed }: Int4Weight): Tensor {
    const weight = readTensor(this.index.initializer(tensor)!, this.model);
    if (!transposed) return weight;
    const [rows = 0, columns = 0] = weight.dims;
    const source = weight.data as Float32Array;
    const data = new Float32Array(source.length);
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++) data[column * rows + row] = source[row * columns + column]!;
    return { dtype: 'fp32', dims: [columns, rows], data };
  }

  /** α·A′·B′ + β·C, with α and the transposition of B in the weights already. */
  private splitGemm(node: NodeProto): void {
    const [a = '', , c = ''] = node.input;
    const beta = getFloat(node, 'beta', 1);
    const turns = getInt(node, 'transA', 0) === 1;
    for (const attribute of ['alpha', 'beta', 'transA', 'transB']) removeAttribute(node, attribute);
    node.opType = 'MatMul';
    node.input = [turns ? this.turned(node, a) : a, ''];
    if (c === '' || beta === 0) return;
    const [output = ''] = node.output;
    const product = this.index.uniqueName(`${output}_product`);
    node.output = [product];
    const added = beta === 1 ? c : this.times(node, c, beta);
    this.add(this.behind, node, 'Add', [product, added], output);
  }

  private turned(owner: NodeProto, tensor: string): string {
    const output = this.index.uniqueName(`${tensor}_transposed`);
    setInts(this.add(this.before, owner, 'Transpose', [tensor], output), 'perm', [1, 0]);
    return output;
  }

  private times(owner: NodeProto, tensor: string, factor: number): string {
    const output = this.index.uniqueName(`${tensor}_scaled`);
    const constant = this.addConstant(`${tensor}_beta`, { dtype: 'fp32', dims: [], data: Float32Array.of(factor) });
    this.add(this.before, owner, 'Mul', [tensor, constant], output);
    return output;
  }

  private add(
    place: Map<NodeProto, NodeProto[]>,
    owner: NodeProto,
    opType: string,
    input: string[],
    output: string,
  ): NodeProto {
    const name = this.index.uniqueName(`${opType}_${output}`);
    const node = newNode({ opType, name, input, output: [output] });
    place.set(owner, [...(place.get(owner) ?? []), node]);
    this.owners.set(node, owner);
    return node;
  }

  private addConstant(base: string, tensor: Tensor): string {
    const name = this.index.uniqueName(base);
    this.graph.initializer.push(makeTensor(name, tensor));
    return name;
  }
}

function scaled(tensor: Tensor, factor: number): Tensor {
  if (factor === 1) return tensor;
  return { ...tensor, data: (tensor.data as Float32Array).map((value) => value * factor) };
}
