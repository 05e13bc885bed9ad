/**
 * A temporary model that computes every quantized layer beside its FP32 original, both from the FP32 activations.
 *
 * Its outputs are the mean differences per output channel (what rounding the weights and clipping the activations adds to a layer
 * on average, apart from what the layers before it did) and the power of the difference beside that of the layer's output.
 * Used by `measureLayerErrors.ts`; siblings are in `probeModels.ts`.
 */
import { setInt } from '../model/attributes';
import { cloneMessage } from '../model/cloneModel';
import { GraphIndex } from '../model/graphIndex';
import type { Model } from '../model/model';
import { newNode, type NodeProto, type TensorProto } from '../model/onnx.generated';
import { importOperators, operatorDomain } from './observeInside';
import { probePrefix, valueProbe } from './probeModels';
import { ProbeNodes, type ChannelAxis } from './probeNodes';
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
  private readonly nodes: ProbeNodes;
  private readonly original: GraphIndex;
  private readonly quantized: GraphIndex;
  private readonly rewritten: ReadonlyMap<string | undefined, NodeProto>;
  private readonly copies = new Map<string, string>();

  constructor(probe: Model, quantized: Model) {
    this.graph = probe.proto.graph;
    this.nodes = new ProbeNodes(probe);
    this.original = new GraphIndex(probe.proto.graph);
    this.quantized = new GraphIndex(quantized.proto.graph);
    this.rewritten = new Map(quantized.proto.graph.node.map((node) => [node.name, node]));
  }

  compare(layer: BiasedLayer, outputs: LayerOutputs): void {
    const { node } = layer;
    const again = this.rewritten.get(node.name);
    if (again === undefined) return;
    const recomputed = this.nodes.name();
    const input = again.input.map((name) => this.copied(name));
    this.graph.node.push({ ...cloneMessage(again), name: recomputed, input, output: [recomputed] });
    const original = node.output[0] ?? '';
    if (outputs.length === 1) {
      this.compareInside(layer, recomputed, original, outputs[0]!);
      return;
    }
    const [mean = '', noise = '', signal = ''] = outputs;
    const difference = this.nodes.add('Sub', [recomputed, original]);
    this.nodes.meanPerChannel(difference, outputChannels(layer), mean);
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
    this.nodes.mean(this.nodes.add('Mul', [tensor, tensor]), null, result);
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
    const copy = this.nodes.name();
    const input = producer.input.map((source) => this.copied(source));
    this.graph.node.push({ ...cloneMessage(producer), name: copy, input, output: [copy] });
    return copy;
  }

  private copiedConstant(constant: TensorProto): string {
    if (this.original.initializer(constant.name ?? '') !== undefined) return constant.name ?? '';
    const copy = this.nodes.name();
    this.graph.initializer.push({ ...cloneMessage(constant), name: copy });
    return copy;
  }
}

function outputChannels({ channels, output }: BiasedLayer): ChannelAxis {
  return output === 'lastAxis' ? { channels, axis: 'last', rank: null } : { channels, ...output };
}
