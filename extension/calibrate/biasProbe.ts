/**
 * A temporary model that computes every quantized layer beside its FP32 original, both from the FP32 activations.
 *
 * Its outputs are the mean differences per output channel (what rounding the weights and clipping the activations adds to a layer
 * on average, apart from what the layers before it did) and the power of the difference beside that of the layer's output.
 * Used by `measureLayerErrors.ts`; siblings are in `probeModels.ts`.
 */
import { setInt, setInts } from '../model/attributes';
import { cloneMessage } from '../model/cloneModel';
import { GraphIndex } from '../model/graphIndex';
import { opsetVersion, type Model } from '../model/model';
import { newNode, type NodeProto, type TensorProto } from '../model/onnx.generated';
import { makeInt64 } from '../model/tensorValues';
import { importOperators, operatorDomain } from './observeInside';
import { probePrefix, valueProbe } from './probeModels';
import { correctableLayers, type BiasedLayer } from './quantizedLayers';

export interface BiasProbe {
  readonly model: Model;
  /** Node names; outputs i of the model belong to layer i. */
  readonly layers: readonly string[];
  readonly outputs: readonly LayerOutputs[];
}

/**
 * Names of what the probe computes for one layer. Their values, one after the other: the mean error per output channel, the
 * mean squared error over all elements, and the mean square of the FP32 output.
 */
export type LayerOutputs = readonly string[];

/**
 * @param prepared the FP32 model
 * @param quantized the same after `applyPlan` with everything but the Q/DQ pairs in FP32
 * @param compares whether the runtime has our CompareLayer operator: one pass over two tensors that are in the cache, where
 *   ONNX's operators take six and keep what they compute in between
 */
export function biasProbe(prepared: Model, quantized: Model, compares: boolean): BiasProbe {
  const layers = correctableLayers(prepared, quantized);
  const parts = compares ? ['error'] : ['mean', 'noise', 'signal'];
  const outputs = layers.map((_, layer) => parts.map((part) => `${probePrefix}${part}${layer}`));
  const model = valueProbe(prepared, outputs.flat());
  if (compares) importOperators(model);
  const writer = new BiasProbeWriter(model, quantized);
  // The last first: the runtime then compares each layer as soon as it is computed (`observeInside.ts` says why).
  for (const [position, layer] of [...layers.entries()].reverse()) writer.compare(layer, outputs[position]!);
  return { model, layers: layers.map(({ node }) => node.name ?? ''), outputs };
}

class BiasProbeWriter {
  private readonly graph;
  private readonly axesAreInput: boolean;
  private readonly original: GraphIndex;
  private readonly quantized: GraphIndex;
  private readonly rewritten: ReadonlyMap<string | undefined, NodeProto>;
  private readonly copies = new Map<string, string>();
  private names = 0;

  constructor(probe: Model, quantized: Model) {
    this.graph = probe.proto.graph;
    this.axesAreInput = opsetVersion(probe.proto) >= 18;
    this.original = new GraphIndex(probe.proto.graph);
    this.quantized = new GraphIndex(quantized.proto.graph);
    this.rewritten = new Map(quantized.proto.graph.node.map((node) => [node.name, node]));
  }

  compare(layer: BiasedLayer, outputs: LayerOutputs): void {
    const { node } = layer;
    const again = this.rewritten.get(node.name);
    if (again === undefined) return;
    const recomputed = this.name();
    const input = again.input.map((name) => this.copied(name));
    this.graph.node.push({ ...cloneMessage(again), name: recomputed, input, output: [recomputed] });
    const original = node.output[0] ?? '';
    if (outputs.length === 1) {
      this.compareInside(layer, recomputed, original, outputs[0]!);
      return;
    }
    const [mean = '', noise = '', signal = ''] = outputs;
    const difference = this.add('Sub', [recomputed, original]);
    this.meanPerChannel(layer, difference, mean);
    this.meanSquare(difference, noise);
    this.meanSquare(original, signal);
  }

  private compareInside({ output }: BiasedLayer, recomputed: string, original: string, result: string): void {
    const compare = newNode({
      opType: 'CompareLayer',
      domain: operatorDomain,
      name: result,
      input: [recomputed, original],
      output: [result],
    });
    setInt(compare, 'axes_behind', output === 'lastAxis' ? 0 : output.rank - 1 - output.axis);
    this.graph.node.push(compare);
  }

  private meanSquare(tensor: string, result: string): void {
    this.mean(this.add('Mul', [tensor, tensor]), null, result);
  }

  /**
   * The name under which the probe has a tensor of the quantized model: its own for activations that both models compute, else
   * that of a copy of the constant or the Q/DQ node that makes it.
   */
  private copied(name: string): string {
    if (name === '') return '';
    const known = this.copies.get(name);
    if (known !== undefined) return known;
    const copy = this.copyOf(name);
    this.copies.set(name, copy);
    return copy;
  }

  private copyOf(name: string): string {
    const constant = this.quantized.initializer(name);
    if (constant !== undefined) return this.copiedConstant(constant);
    const producer = this.quantized.producer(name);
    const isPair = producer?.opType === 'QuantizeLinear' || producer?.opType === 'DequantizeLinear';
    if (producer === undefined || !isPair) return name;
    const copy = this.name();
    const input = producer.input.map((source) => this.copied(source));
    this.graph.node.push({ ...cloneMessage(producer), name: copy, input, output: [copy] });
    return copy;
  }

  private copiedConstant(constant: TensorProto): string {
    if (this.original.initializer(constant.name ?? '') !== undefined) return constant.name ?? '';
    const copy = this.name();
    this.graph.initializer.push({ ...cloneMessage(constant), name: copy });
    return copy;
  }

  private meanPerChannel({ channels, output }: BiasedLayer, tensor: string, result: string): void {
    if (output === 'lastAxis') {
      const shape = this.constant([-1, channels]);
      this.mean(this.add('Reshape', [tensor, shape]), [0], result);
      return;
    }
    const axes = Array.from({ length: output.rank }, (_, axis) => axis).filter((axis) => axis !== output.axis);
    this.mean(tensor, axes, result);
  }

  /** @param axes null: all of them */
  private mean(tensor: string, axes: readonly number[] | null, result: string): void {
    const node = newNode({ opType: 'ReduceMean', name: result, input: [tensor], output: [result] });
    setInt(node, 'keepdims', 0);
    if (axes !== null && this.axesAreInput) node.input.push(this.constant(axes));
    if (axes !== null && !this.axesAreInput) setInts(node, 'axes', axes);
    this.graph.node.push(node);
  }

  private constant(values: readonly number[]): string {
    const name = this.name();
    this.graph.initializer.push(makeInt64(name, values));
    return name;
  }

  private add(opType: string, input: readonly string[]): string {
    const output = this.name();
    this.graph.node.push(newNode({ opType, name: output, input: [...input], output: [output] }));
    return output;
  }

  private name(): string {
    return `${probePrefix}layer${this.names++}`;
  }
}
