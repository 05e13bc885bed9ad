/**
 * The moments of what every layer with constant weights reads, on a few samples of the FP32 model.
 *
 * A rounding error e of the weights changes an output by Σ e·x. Its power over the data is eᵀ E[x xᵀ] e: the layer's Gram matrix, which
 * has as many entries as the kernel has weights, squared. Three numbers per channel say most of it: mean and mean square of the
 * channel, and how alike the positions under one kernel are. `roundWeights.ts` uses them. What a kernel reads comes
 * from pooling: with P and S the averages of x and x² over the T positions under the kernel, the mean is E[P], the
 * mean square E[S], and T²·E[P²] = T·E[S] + T·(T − 1)·E[x·x′].
 */
import type { InputMoments } from '../contract/calibrationTable';
import type { RunOptions } from '../contract/progress';
import type { NamedTensors } from '../contract/tensor';
import { setInt, setInts, setString } from '../model/attributes';
import { GraphIndex } from '../model/graphIndex';
import type { Model } from '../model/model';
import { newNode, newValueInfo } from '../model/onnx.generated';
import type { SampleSource } from './inferenceFeeds';
import { probePrefix, valueProbe } from './probeModels';
import { ProbeNodes } from './probeNodes';
import type { ProbeSource } from './probeSessions';
import { runProbe } from './runProbe';
import { weightedInput, type Kernel, type WeightedInput } from './weightedInputs';

/**
 * @param prepared the FP32 model
 * @param source a few samples, as `sampleByContent.ts` picks them
 * @returns by node name; without layers that read something without a finite moment
 * @throws CodedError CANCELLED, and what `open`, `run` and the data set throw
 */
export async function measureInputMoments(
  prepared: Model,
  source: SampleSource & ProbeSource,
  options: RunOptions = {},
): Promise<Map<string, InputMoments>> {
  const probe = momentsProbe(prepared);
  if (probe.layers.length === 0) return new Map();
  const sums = new Map<string, Float64Array>();
  let inferences = 0;
  const addSample = (seen: NamedTensors): void => {
    for (const [name, { data }] of Object.entries(seen)) addTo(sums, name, data as Float32Array);
    inferences++;
  };
  await runProbe(probe.model, source, addSample, options);
  const means = (name: string): number[] => Array.from(sums.get(name) ?? [], (sum) => sum / inferences);
  return new Map(
    probe.layers.flatMap(({ node, outputs, taps }) => {
      const moments = momentsOf(means(outputs.mean), means(outputs.square), means(outputs.pooled), taps);
      return moments === null ? [] : [[node, moments] as const];
    }),
  );
}

function addTo(sums: Map<string, Float64Array>, name: string, values: Float32Array): void {
  const sum = sums.get(name) ?? new Float64Array(values.length);
  for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + values[i]!;
  sums.set(name, sum);
}

/** Null where a moment is not finite. @param pooled E[P²]; empty where a kernel reads one position */
function momentsOf(
  mean: readonly number[],
  square: readonly number[],
  pooled: readonly number[],
  taps: number,
): InputMoments | null {
  if (mean.length === 0 || ![...mean, ...square, ...pooled].every(Number.isFinite)) return null;
  const neighbours = mean.map((average, channel) => {
    const alone = average * average;
    if (pooled.length === 0) return digits(alone);
    const power = square[channel]!;
    const product = (taps * pooled[channel]! - power) / (taps - 1);
    // Positions that differ in their means, and rounding, lead a little beyond what moments of one distribution can be.
    return digits(Math.min(Math.max(product, Math.min(alone, power)), power));
  });
  return { mean: mean.map(digits), square: square.map(digits), neighbours };
}

/** Seven digits, as many as float32 has. */
const digits = (value: number): number => Number(value.toPrecision(7));

interface LayerProbe {
  readonly node: string;
  /** Names of the probe's outputs, each a vector over the channels. */
  readonly outputs: { readonly mean: string; readonly square: string; readonly pooled: string };
  readonly taps: number;
}

interface MomentsProbe {
  readonly model: Model;
  readonly layers: readonly LayerProbe[];
}

/** The model with the moments as outputs. */
function momentsProbe(prepared: Model): MomentsProbe {
  const index = new GraphIndex(prepared.proto.graph);
  const writer = new MomentsProbeWriter(prepared);
  // The last first: the runtime then measures each tensor as soon as it is computed (`observeInside.ts` says why).
  const layers = prepared.proto.graph.node.toReversed().flatMap((node) => {
    const input = weightedInput(prepared, index, node);
    return input === null
      ? []
      : [{ node: node.name ?? '', outputs: writer.moments(input), taps: input.kernel?.taps ?? 1 }];
  });
  return { model: writer.probe, layers };
}

class MomentsProbeWriter {
  readonly probe: Model;
  private readonly nodes: ProbeNodes;
  private readonly written = new Map<string, string>();

  constructor(prepared: Model) {
    this.probe = valueProbe(prepared, []);
    this.nodes = new ProbeNodes(this.probe);
  }

  moments(input: WeightedInput): LayerProbe['outputs'] {
    const { tensor, channels, kernel } = input;
    // What turns out to be known already is not computed: `withProbe` takes out what no output needs.
    const pooled = (name: string): string => (kernel === null ? name : this.pool(name, kernel));
    const under = pooled(tensor);
    const of = (moment: string, write: (result: string) => void): string =>
      this.output([moment, tensor, channels, kernel], write);
    return {
      mean: of('mean', (result) => this.nodes.meanPerChannel(under, channels, result)),
      square: of('square', (result) => this.nodes.meanPerChannel(pooled(this.square(tensor)), channels, result)),
      pooled:
        kernel === null
          ? ''
          : of('pooled', (result) => this.nodes.meanPerChannel(this.square(under), channels, result)),
    };
  }

  /** An output of the probe. Layers that read a tensor in the same way share it. */
  private output(what: readonly unknown[], write: (name: string) => void): string {
    const key = JSON.stringify(what);
    const known = this.written.get(key);
    if (known !== undefined) return known;
    const name = `${probePrefix}moments${this.written.size}`;
    this.written.set(key, name);
    write(name);
    this.nodes.graph.output.push(newValueInfo({ name }));
    return name;
  }

  private square(tensor: string): string {
    return this.nodes.add('Mul', [tensor, tensor]);
  }

  /**
   * The average of what lies under the kernel, without padding: its zeros lower all channels at once, which moments by channel
   * cannot say, and most positions see none.
   */
  private pool(tensor: string, { ints, autoPad }: Kernel): string {
    const output = this.nodes.name();
    const node = newNode({ opType: 'AveragePool', name: output, input: [tensor], output: [output] });
    for (const [name, values] of Object.entries(ints)) setInts(node, name, values);
    if (autoPad !== 'NOTSET') setString(node, 'auto_pad', autoPad);
    setInt(node, 'count_include_pad', 0);
    this.nodes.graph.node.push(node);
    return output;
  }
}
