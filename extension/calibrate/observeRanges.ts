/**
 * Pass 1: shape and type of every tensor of the outer graph, and the range of every float tensor.
 *
 * Runs on the prepared model (`plan/prepareModel.ts`), comes before `plan/` decides precisions by range, and can gather in the
 * same pass the histograms that `calibrateTensors.ts` turns into scales.
 */
import type { TensorRange, TensorRanges } from '../contract/calibrationTable';
import type { DType } from '../contract/tensor';
import { opsetVersion, type Model } from '../model/model';
import type { GraphProto } from '../model/onnx.generated';
import { inferTypes } from '../plan/inferTypes';
import type { Histogram } from './histogram';
import { observeShapes } from './observeShapes';
import { observeTensors, type ObservationOptions, type ObservationSource } from './observeTensors';

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
  const { graph } = model.proto;
  const types = observableTypes(model);
  const dims = await observeShapes(model, request, [...types.keys()], options.signal);
  const roots = layoutRoots(graph, types);
  const wanted = new Set((request.histograms ?? []).map((name) => roots.get(name) ?? name));
  const observations = await observeTensors(
    model,
    request,
    [...types]
      .filter(([name, dtype]) => floatTypes.includes(dtype) && !roots.has(name))
      .map(([name, dtype]) => ({ name, dtype, dims: dims.get(name) ?? [], histogram: wanted.has(name) })),
    options,
  );
  const observed = (name: string) => observations.tensors.get(roots.get(name) ?? name);
  const tensors = new Map(
    [...types].map(([name, dtype]): [string, TensorRange] => {
      const { min = Infinity, max = -Infinity, absMax = 0, nonFinite = 0 } = observed(name) ?? {};
      const seen = min <= max ? { min, max, absMax } : { min: null, max: null, absMax: null };
      return [name, { dtype, dims: dims.get(name) ?? [], ...seen, nonFinite }];
    }),
  );
  const histograms = new Map(
    (request.histograms ?? []).flatMap((name): [string, Histogram][] => {
      const histogram = observed(name)?.histogram ?? null;
      return histogram === null ? [] : [[name, histogram]];
    }),
  );
  const representative = request.dataset.kind !== 'random';
  return { representative, samples: observations.samples, tensors, histograms };
}

/** Graph inputs and node outputs of known element type; initializers are known without running anything. */
function observableTypes(model: Model): Map<string, DType> {
  const { graph } = model.proto;
  const types = inferTypes(graph, opsetVersion(model.proto));
  const initializers = new Set(graph.initializer.map(({ name }) => name));
  const names = [...graph.input.map(({ name }) => name ?? ''), ...graph.node.flatMap(({ output }) => output)];
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
