/**
 * What a written 8-bit or INT4 graph must keep to for TensorRT to build it, and to build it right. Used by the unit tests of `plan/` and
 * by the generality suites on every graph they write.
 */
import { getInt } from '../../extension/model/attributes';
import { describeNode, GraphIndex } from '../../extension/model/graphIndex';
import type { Model } from '../../extension/model/model';
import { dataType, type NodeProto } from '../../extension/model/onnx.generated';
import { Constants } from '../../extension/plan/constants';

const layers = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul']);
const readers = new Set([...layers, 'Add', 'AveragePool', 'Concat', 'Split']);
const fp16MinNormal = 2 ** -14;

/**
 * The ways in which an INT8, FP8 or INT4 graph departs from the form, in words; empty when it keeps to it.
 *
 * @param source the graph it was written from, whose own pairs are as they were
 */
export function quantizedFormFaults(model: Model, source?: Model): string[] {
  const check = new FormCheck(model, new Set(source?.proto.graph.node.map(({ name }) => name ?? '')));
  return model.proto.graph.node.flatMap((node) => check.faultsOf(node));
}

class FormCheck {
  private readonly index: GraphIndex;
  private readonly constants: Constants;
  private readonly graph;

  constructor(
    model: Model,
    private readonly inSource: ReadonlySet<string>,
  ) {
    this.graph = model.proto.graph;
    this.index = new GraphIndex(this.graph);
    this.constants = new Constants(this.graph, model);
  }

  faultsOf(node: NodeProto): string[] {
    const faults: string[] = [];
    if (this.isInt4(node)) faults.push(...this.int4Faults(node));
    else if (this.isWritten(node)) faults.push(...this.pairFaults(node));
    if (layers.has(node.opType ?? '')) faults.push(...this.layerFaults(node));
    return faults.map((fault) => `${describeNode(node)} (${node.opType}): ${fault}`);
  }

  /** Is the node one of the pairs that the variant got? */
  private isWritten(node: NodeProto | undefined): boolean {
    const isPair = node?.opType === 'QuantizeLinear' || node?.opType === 'DequantizeLinear';
    return isPair && !this.inSource.has(node.name ?? '');
  }

  private pairFaults(node: NodeProto): string[] {
    const faults: string[] = [];
    const scales = this.constants.floats(node.input[1] ?? '');
    const zeros = this.constants.tensor(node.input[2] ?? '');
    if (scales === undefined || !scales.every((scale) => scale > 0 && scale < Infinity))
      faults.push('a scale is not positive');
    if (zeros === undefined || ![...zeros.data].every((zero) => Number(zero) === 0))
      faults.push('no zero points, or not zero');
    else if (zeros.data.length !== scales?.length) faults.push('not as many zero points as scales');
    const half = this.graph.initializer.find(({ name }) => name === node.input[1])?.dataType === 10;
    const isActivation = getInt(node, 'axis', -1) === -1 && !this.isConstant(node);
    if (half && isActivation && (scales?.[0] ?? 0) < fp16MinNormal)
      faults.push('its scale is not a normal FP16 number');
    if (node.opType === 'QuantizeLinear') return faults;
    for (const { node: reader } of this.index.consumers(node.output[0] ?? '')) {
      const isBinding = this.graph.input.some(({ name }) => name === node.input[0]);
      if (!readers.has(reader.opType ?? '') && !isBinding)
        faults.push(`read by ${reader.opType}, which stays in floats`);
    }
    return faults;
  }

  private isInt4(node: NodeProto | undefined): boolean {
    return this.isWritten(node) && this.stored(node?.input[0])?.dataType === dataType.INT4;
  }

  private stored(name: string | undefined) {
    return this.graph.initializer.find((tensor) => tensor.name === name);
  }

  /** Blocks of 64 or 128 along K of a constant …×K×N, FP16 scales above zero, read by one MatMul as its weights. */
  private int4Faults(node: NodeProto): string[] {
    const faults: string[] = [];
    const dims = this.stored(node.input[0])?.dims ?? [];
    const block = getInt(node, 'block_size', 0);
    if (block !== 64 && block !== 128) faults.push(`blocks of ${block}`);
    if (dims.length < 2 || getInt(node, 'axis', 1) !== dims.length - 2) faults.push('not blocked along K');
    if ((dims.at(-1) ?? 1) % 2 === 1) faults.push('an odd number of columns');
    const scales = this.stored(node.input[1]);
    const expected = dims.map((size, axis) => (axis === dims.length - 2 ? size / block : size));
    if (scales?.dims.join() !== expected.join()) faults.push('scales of another shape');
    if (scales?.dataType !== dataType.FLOAT16) faults.push('scales that are not FP16');
    const values = this.constants.floats(node.input[1] ?? '') ?? [];
    if (!values.every((scale) => scale > 0 && scale < Infinity)) faults.push('a scale is not positive');
    if (node.input.length > 2) faults.push('a zero point');
    const readers = this.index.consumers(node.output[0] ?? '');
    if (readers.length !== 1 || readers[0]?.node.opType !== 'MatMul' || readers[0].inputIndex !== 1)
      faults.push('not read by one MatMul as its weights');
    const twins = this.graph.node.filter(({ input }) => input.includes(node.input[1] ?? ''));
    if (twins.length > 1) faults.push('its scales are read twice');
    return faults;
  }

  private layerFaults(node: NodeProto): string[] {
    if (this.isInt4(this.index.producer(node.input[1] ?? ''))) return [];
    const [activation, weight] = node.input.map((name) => this.isWritten(this.index.producer(name)));
    if (activation !== weight) return ['only one of its operands is quantized'];
    if (!activation || getInt(node, 'group', 1) === 1 || this.isRequantized(node)) return [];
    return ['grouped, and its output is not read in 8 bits'];
  }

  private isRequantized(node: NodeProto): boolean {
    return this.index.consumers(node.output[0] ?? '').every(({ node: reader }) => {
      const isActivation = reader.opType === 'Relu' || reader.opType === 'Clip';
      return reader.opType === 'QuantizeLinear' || (isActivation && this.isRequantized(reader));
    });
  }

  private isConstant(node: NodeProto): boolean {
    const maker = this.index.producer(node.input[0] ?? '');
    return this.constants.has(node.input[0]) || (maker !== undefined && this.isConstant(maker));
  }
}
