/**
 * A temporary copy of a model that measures what clipping thresholds do to the layers that read a tensor.
 *
 * For every candidate threshold the tensor is quantized and dequantized, the layers behind it are computed a second time
 * from the result, and the energy of the difference leaves the graph as one number. So the candidates of all tensors are judged
 * in one inference. Used by `compareThresholds.ts`; its siblings are in `probeModels.ts`.
 */
import { cloneMessage } from '../model/cloneModel';
import { GraphIndex } from '../model/graphIndex';
import type { Model } from '../model/model';
import { newNode, type NodeProto } from '../model/onnx.generated';
import { makeTensor } from '../model/tensorValues';
import { int8Levels } from './algorithms/quantizationNoise';
import { concat, probePrefix, valueProbe } from './probeModels';

/** A tensor and the thresholds to be compared on it. */
export interface Trial {
  readonly tensor: string;
  readonly thresholds: readonly number[];
}

/**
 * The outputs of a trial probe, vectors. `errors`: for each trial, for each reader, for each threshold, the energy of the
 * reader's error. `signals`: for each trial, for each reader, the energy of its output.
 */
export const trialOutputs = { errors: `${probePrefix}errors`, signals: `${probePrefix}signals` } as const;

/** Layers that weight and add up many values, so that errors of their inputs mix. */
const mixingOperators = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul']);

export interface TrialProbe {
  readonly model: Model;
  /** Number of readers of each trial's tensor. */
  readonly readers: readonly number[];
}

/** A tensor without such a reader counts as its own reader. The trial tensors have to be float32. */
export function trialProbe(model: Model, trials: readonly Trial[]): TrialProbe {
  const probe = valueProbe(model, Object.values(trialOutputs));
  const writer = new TrialWriter(new GraphIndex(model.proto.graph));
  const readers = trials.map((trial) => writer.write(trial));
  const { graph } = probe.proto;
  graph.initializer.push(...writer.initializers);
  graph.node.push(
    ...writer.nodes,
    concat(writer.errors, trialOutputs.errors),
    concat(writer.signals, trialOutputs.signals),
  );
  return { model: probe, readers };
}

class TrialWriter {
  readonly nodes: NodeProto[] = [];
  readonly initializers = [
    makeTensor(`${probePrefix}flat`, { dtype: 'int64', dims: [1], data: BigInt64Array.of(-1n) }),
    makeTensor(`${probePrefix}zero`, { dtype: 'int8', dims: [], data: Int8Array.of(0) }),
  ];
  readonly errors: string[] = [];
  readonly signals: string[] = [];
  private names = 0;

  constructor(private readonly index: GraphIndex) {}

  /** Returns the number of readers. */
  write({ tensor, thresholds }: Trial): number {
    const quantized = thresholds.map((threshold) => this.quantized(tensor, threshold));
    const readers = this.index
      .consumers(tensor)
      .filter(({ node, inputIndex }) => mixingOperators.has(node.opType ?? '') && inputIndex < 2)
      .map(({ node }) => node);
    for (const reader of readers) {
      this.compare(
        reader.output[0] ?? '',
        quantized.map((replacement) => this.recomputed(reader, tensor, replacement)),
      );
    }
    if (readers.length === 0) this.compare(tensor, quantized);
    return Math.max(readers.length, 1);
  }

  private quantized(tensor: string, threshold: number): string {
    const scale = this.name();
    this.initializers.push(
      makeTensor(scale, { dtype: 'fp32', dims: [], data: Float32Array.of(threshold / int8Levels) }),
    );
    const zero = `${probePrefix}zero`;
    return this.add('DequantizeLinear', [this.add('QuantizeLinear', [tensor, scale, zero]), scale, zero]);
  }

  private recomputed(reader: NodeProto, tensor: string, replacement: string): string {
    const output = this.name();
    const input = reader.input.map((name) => (name === tensor ? replacement : name));
    this.nodes.push({ ...cloneMessage(reader), name: output, input, output: [output] });
    return output;
  }

  private compare(reference: string, results: readonly string[]): void {
    this.signals.push(this.energy(reference));
    for (const result of results) this.errors.push(this.energy(this.add('Sub', [result, reference])));
  }

  private energy(tensor: string): string {
    return this.add('ReduceSumSquare', [this.add('Reshape', [tensor, `${probePrefix}flat`])]);
  }

  private add(opType: string, input: readonly string[]): string {
    const output = this.name();
    this.nodes.push(newNode({ opType, name: output, input: [...input], output: [output] }));
    return output;
  }

  private name(): string {
    return `${probePrefix}trial${this.names++}`;
  }
}
