/**
 * Shapes, ranges and histograms of tensors in one pass, looked at inside the runtime.
 *
 * The fast way of `observeRanges.ts` and `observeTensors.ts`, for runtimes that have our Observe operator: no value leaves the
 * runtime, tensors give their memory back as in any inference, and samples run beside each other.
 */
import type { DType } from '../contract/tensor';
import { setInt } from '../model/attributes';
import { definedTensors, subgraphs, walkGraphs } from '../model/graphIndex';
import { opsetVersion, type Model } from '../model/model';
import { newNode, newOperatorSetId, newValueInfo, type GraphProto, type NodeProto } from '../model/onnx.generated';
import { removeUnused } from '../plan/prepare/removeUnused';
import { inferenceFeeds, type SampleSource } from './inferenceFeeds';
import { inParallel } from './inParallel';
import { noSamples } from './observeShapes';
import type { ObservingRuntime, SeenTensor } from './observers/observingRuntime';
import type { PassProgress } from './passProgress';
import { castToFloat32, probePrefix, valueOutput, valueProbe } from './probeModels';
import { closing, withProbeModel } from './probeSessions';

/** A tensor of the outer graph or of a body. */
export interface InsideTensor {
  readonly name: string;
  readonly dtype: DType;
  /** What is wanted beside its shape; null for nothing, the only choice where the type is no float type. */
  readonly values: 'range' | 'histogram' | null;
  /** Where the ranges of its channels are wanted as well: the axes behind that of the channels. */
  readonly axesBehind?: number;
}

export interface InsideObservations {
  /** Samples that could be read. */
  readonly samples: number;
  /** In the order of the tensors asked for. */
  readonly tensors: readonly SeenTensor[];
}

/** Of the operators that the native module adds to the runtime (`native/observe/`). */
export const operatorDomain = 'precision_bench';
/** The output of an Observe node: the runtime computes a node for an output only. */
const markOf = (index: number): string => `${probePrefix}seen${index}`;

/** What a pass looks at. */
export interface InsideRequest {
  readonly tensors: readonly InsideTensor[];
  /** Is it every tensor, or all but those that follow from others? Nothing of the model can be fused then. */
  readonly all: boolean;
}

/** @throws CodedError CALIBRATION_FAILED without a readable sample, CANCELLED, and what the runtime and the data set throw */
export async function observeInside(
  model: Model,
  source: SampleSource & { readonly observing: ObservingRuntime },
  { tensors, all }: InsideRequest,
  progress: PassProgress,
): Promise<InsideObservations> {
  const { observing } = source;
  const probe = observingProbe(model, tensors);
  const observations = await withProbeModel(probe, async (encoded) => {
    const opening = observing.openObserving(encoded, {
      histograms: tensors.map(({ values }) => values === 'histogram'),
      output: probe.proto.graph.output[0]?.name ?? '',
      fusions: !all,
    });
    return closing(opening, async () => {
      let samples = 0;
      // The first samples are read while the session is being opened.
      await inParallel(
        inferenceFeeds(source, progress.signal),
        observing.parallelRuns,
        async ({ feeds }, position) => (await opening).observe(feeds, position === 0),
        (_, inference) => {
          samples += inference.samples;
          progress.report(samples);
        },
        progress.signal,
      );
      return { samples, tensors: (await opening).observations() };
    });
  });
  progress.endPass();
  if (observations.samples === 0) throw noSamples(source);
  return observations;
}

/**
 * The model with an Observe node behind every tensor, in the graph or body that the tensor belongs to. Its outputs are the marks
 * of the nodes of the outer graph, in the order of the tensors; in bodies the runtime computes nodes whose output nobody reads
 * all the same, as often as the body runs.
 *
 * The nodes stand in the reverse order: the runtime computes what the last node without readers needs, then that node, and so on
 * to the first (`ReverseDFSFrom` of its graph). In this order every tensor is observed as soon as it is there, while it is in
 * the cache, and its memory is free for others. The other way round all tensors would wait for the end.
 */
export function observingProbe(model: Model, tensors: readonly InsideTensor[]): Model {
  const outer = new Set(definedTensors(model.proto.graph));
  const marks = tensors.flatMap(({ name }, index) => (outer.has(name) ? [markOf(index)] : []));
  // A run must ask for an output, also where all tensors are in bodies.
  const ends = marks.length > 0 ? marks : model.proto.graph.output.slice(0, 1).map(({ name = '' }) => name);
  const probe = valueProbe(model, ends);
  const { graph } = probe.proto;
  keepObserved(graph, new Set(tensors.map(({ name }) => name)));
  const homes = new Map<string, GraphProto>();
  for (const one of walkGraphs(graph)) for (const name of definedTensors(one)) homes.set(name, one);
  importOperators(probe);
  for (const [index, tensor] of [...tensors.entries()].reverse()) {
    const cast = tensor.values !== null && tensor.dtype !== 'fp32';
    const { node: nodes } = homes.get(tensor.name) ?? graph;
    if (cast) nodes.push(castToFloat32(tensor));
    const input = cast ? valueOutput(tensor) : tensor.name;
    const observe = newNode({ opType: 'Observe', domain: operatorDomain, input: [input], output: [markOf(index)] });
    setInt(observe, 'tensor', index);
    setInt(observe, 'axes_behind', tensor.axesBehind ?? -1);
    nodes.push(observe);
  }
  return probe;
}

/** Drops the nodes that no tensor asked for needs: the runtime would compute them all the same. */
function keepObserved(graph: GraphProto, asked: ReadonlySet<string>): void {
  const holdsAsked = (body: GraphProto) => [...definedTensors(body)].some((name) => asked.has(name));
  const carries = (node: NodeProto) => subgraphs(node).some((body) => [...walkGraphs(body)].some(holdsAsked));
  const { output } = graph;
  const wanted = new Set([...asked, ...output.map(({ name = '' }) => name)]);
  const needed = graph.node.flatMap((node) =>
    carries(node) ? node.output : node.output.filter((name) => wanted.has(name)),
  );
  graph.output = needed.map((name) => newValueInfo({ name }));
  removeUnused(graph);
  graph.output = output;
}

/** Declares our operators, without which the runtime refuses their nodes. */
export function importOperators({ proto }: Model): void {
  if (opsetVersion(proto, operatorDomain) > 0) return;
  proto.opsetImport.push(newOperatorSetId({ domain: operatorDomain, version: 1 }));
}
