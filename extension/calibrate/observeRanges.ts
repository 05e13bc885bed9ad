/**
 * Pass 1: shape and type of every tensor, and the range of every float tensor. Where the runtime can observe by itself, one pass
 * gathers all of it, inside If, Loop and Scan bodies too; else `observeShapes.ts` and `observeTensors.ts` do it with plain
 * sessions, which show the outer graph only.
 *
 * Runs on the prepared model (`plan/prepareModel.ts`), comes before `plan/` decides precisions by range, and can gather in the
 * same pass the histograms that `calibrateTensors.ts` turns into scales.
 */
import type { TensorRange, TensorRanges } from '../contract/calibrationTable';
import type { DType } from '../contract/tensor';
import { flatGraph } from '../model/flatGraph';
import { walkGraphs } from '../model/graphIndex';
import { opsetVersion, type Model } from '../model/model';
import type { GraphProto } from '../model/onnx.generated';
import { inferTypes } from '../plan/inferTypes';
import type { Histogram } from './histogram';
import { impliedObservation, impliedRanges } from './impliedRanges';
import { observeInside, type InsideObservations, type InsideTensor } from './observeInside';
import { observeShapes } from './observeShapes';
import {
  absMaxOf,
  observeTensors,
  type ObservationOptions,
  type ObservationSource,
  type TensorObservation,
} from './observeTensors';
import type { ObservingRuntime, SeenTensor } from './observers/observingRuntime';
import { PassProgress } from './passProgress';

export interface RangesRequest extends ObservationSource {
  /** Tensors whose histogram is wanted as well; names that are no float tensor of the outer graph are passed over. */
  readonly histograms?: readonly string[] | undefined;
}

export interface ObservedRanges extends TensorRanges {
  /** By tensor name, those of `RangesRequest.histograms` that exist. */
  readonly histograms: ReadonlyMap<string, Histogram>;
}

/** Operators that give out the elements of their first input, each once, in another shape or order. */
const layoutOperators = new Set(['Identity', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Transpose']);
const floatTypes: readonly DType[] = ['fp32', 'fp64', 'fp16', 'bf16'];

/** @throws CodedError CALIBRATION_FAILED without a readable sample, CANCELLED, and what `open`, `run` and the data set throw */
export async function observeRanges(
  model: Model,
  request: RangesRequest,
  options: ObservationOptions = {},
): Promise<ObservedRanges> {
  const types = observableTypes(model, request.observing === undefined ? 'outer' : 'all');
  const roots = layoutRoots(flatGraph(model.proto.graph), types);
  const histograms = new Set((request.histograms ?? []).map((name) => roots.get(name) ?? name));
  const wanted = [...types].map(([name, dtype]): InsideTensor => {
    if (!floatTypes.includes(dtype) || roots.has(name)) return { name, dtype, values: null };
    return { name, dtype, values: histograms.has(name) ? 'histogram' : 'range' };
  });
  const { observing } = request;
  const { samples, dims, observed } =
    observing === undefined
      ? await observeOutside(model, request, wanted, options)
      : await observeAllInside(model, { ...request, observing }, { wanted, roots, types }, options);
  const observation = (name: string) => observed.get(roots.get(name) ?? name);
  const reached = wanted.filter(({ name }) => dims.has(name));
  const tensors = reached.map(({ name, dtype }): [string, TensorRange] => {
    const { min = Infinity, max = -Infinity, absMax = 0, nonFinite = 0 } = observation(name) ?? {};
    const seen = min <= max ? { min, max, absMax } : { min: null, max: null, absMax: null };
    return [name, { dtype, dims: dims.get(name) ?? [], ...seen, nonFinite }];
  });
  const gathered = (request.histograms ?? []).flatMap((name): [string, Histogram][] => {
    const histogram = observation(name)?.histogram ?? null;
    return histogram === null ? [] : [[name, histogram]];
  });
  const representative = request.dataset.kind !== 'random';
  return { representative, samples, tensors: new Map(tensors), histograms: new Map(gathered) };
}

interface SeenTensors {
  readonly samples: number;
  /** Of the tensors that were computed at all: a branch that no sample takes shows nothing. */
  readonly dims: ReadonlyMap<string, readonly number[]>;
  readonly observed: ReadonlyMap<string, TensorObservation>;
}

/** One inference for the shapes, which say how much memory the values take, then the passes that these need. */
async function observeOutside(
  model: Model,
  request: RangesRequest,
  wanted: readonly InsideTensor[],
  options: ObservationOptions,
): Promise<SeenTensors> {
  const names = wanted.map(({ name }) => name);
  const dims = await observeShapes(model, request, names, options.signal);
  const valued = wanted.filter(({ values }) => values !== null);
  const tensors = valued.map(({ name, dtype, values }) => {
    return { name, dtype, dims: dims.get(name) ?? [], histogram: values === 'histogram' };
  });
  const observations = await observeTensors(model, request, tensors, options);
  return { samples: observations.samples, dims, observed: observations.tensors };
}

interface WantedTensors {
  readonly wanted: readonly InsideTensor[];
  /** Those of `layoutRoots`. */
  readonly roots: ReadonlyMap<string, string>;
  readonly types: ReadonlyMap<string, DType>;
}

/** Looks at the tensors whose range does not follow from another one's. */
async function observeAllInside(
  model: Model,
  request: RangesRequest & { readonly observing: ObservingRuntime },
  { wanted, roots, types }: WantedTensors,
  options: ObservationOptions,
): Promise<SeenTensors> {
  const implied = impliedRanges(model, types);
  const follows = ({ name, values }: InsideTensor): boolean => values === 'range' && implied.has(name);
  const pass = (tensors: readonly InsideTensor[]): Promise<InsideObservations> =>
    observeInside(model, request, { tensors, all: true }, new PassProgress(request.indices.length, 1, options));

  const looked = wanted.filter((tensor) => !follows(tensor));
  const { samples, tensors } = await pass(looked);
  const seen = new Map(looked.map(({ name }, index): [string, SeenTensor] => [name, tensors[index]!]));
  /** Of a tensor in other layout only the shape was seen; the rest is that of its root. */
  const observation = (name: string): SeenTensor | null => {
    const own = seen.get(name) ?? null;
    const root = roots.get(name);
    const whole = root === undefined ? null : observation(root);
    if (root !== undefined) return own && whole && { ...whole, dims: own.dims };
    const implication = implied.get(name);
    if (own !== null || implication === undefined) return own;
    const source = observation(implication.source);
    const found = source && impliedObservation(source, implication);
    if (found !== null) seen.set(name, found);
    return found;
  };
  const unclear = wanted.filter((tensor) => follows(tensor) && observation(tensor.name) === null);
  if (unclear.length > 0) {
    const again = await pass(unclear);
    unclear.forEach(({ name }, index) => seen.set(name, again.tensors[index]!));
  }
  return {
    samples,
    dims: new Map([...seen].flatMap(([name, { dims }]) => (dims === null ? [] : [[name, dims]]))),
    observed: new Map([...seen].map(([name, tensor]) => [name, { ...tensor, absMax: absMaxOf(tensor) }])),
  };
}

/**
 * Inputs and node outputs of known element type, those of the outer graph first; initializers are known without running
 * anything.
 */
function observableTypes(model: Model, which: 'outer' | 'all'): Map<string, DType> {
  const flat = flatGraph(model.proto.graph);
  const types = inferTypes(flat, opsetVersion(model.proto));
  const initializers = new Set(flat.initializer.map(({ name }) => name));
  const graphs = which === 'all' ? [...walkGraphs(model.proto.graph)] : [model.proto.graph];
  const names = graphs.flatMap(({ input, node }) => [
    ...input.map(({ name }) => name ?? ''),
    ...node.flatMap(({ output }) => output),
  ]);
  return new Map(
    names.flatMap((name): [string, DType][] => {
      const dtype = types.get(name);
      return name === '' || dtype === undefined || initializers.has(name) ? [] : [[name, dtype]];
    }),
  );
}

/** For tensors that are another tensor in other layout: that tensor. Their range and histogram are the same. */
function layoutRoots(graph: GraphProto, types: ReadonlyMap<string, DType>): Map<string, string> {
  const roots = new Map<string, string>();
  for (const node of graph.node) {
    const [source = ''] = node.input;
    const [result = ''] = node.output;
    if (!layoutOperators.has(node.opType ?? '') || (node.domain ?? '') !== '') continue;
    // A source without a type of its own (an initializer) is not observed.
    if (types.has(source) && types.has(result)) roots.set(result, roots.get(source) ?? source);
  }
  return roots;
}
