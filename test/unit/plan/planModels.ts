/** What the tests of this folder share: ranges and scales by running a model, and numbers to compare results with. */
import type { CalibrationTable, TensorRange, TensorRanges } from '../../../extension/contract/calibrationTable';
import type { Decision } from '../../../extension/contract/report';
import { cloneModel } from '../../../extension/model/cloneModel';
import { getInt } from '../../../extension/model/attributes';
import { dtypeOf } from '../../../extension/model/dtype';
import { opsetVersion, type Model } from '../../../extension/model/model';
import type { GraphProto, NodeProto } from '../../../extension/model/onnx.generated';
import { validateModel } from '../../../extension/model/validateModel';
import { applyPlan, type AppliedPlan, type ApplyPlanRequest } from '../../../extension/plan/applyPlan';
import { inferTypes } from '../../../extension/plan/inferTypes';
import { prepareModel } from '../../../extension/plan/prepareModel';
import { scaleTargets } from '../../../extension/plan/scaleTargets';
import { simulate } from '../../../extension/plan/simulate';
import { encodeModel, run, value } from '../model/buildModel';

export type Feeds = Readonly<Record<string, { dims: readonly number[]; data: Float32Array }>>;

export const noPlan = { keep: [], bindings: {} } as const;

/** Ranges of all float tensors of the outer graph, from one inference. */
export async function rangesOf(model: Model, feeds: Feeds, representative = true): Promise<TensorRanges> {
  const probe = cloneModel(model);
  const { graph } = probe.proto;
  const types = inferTypes(graph, opsetVersion(probe.proto));
  const made = [...graph.input.map((input) => input.name ?? ''), ...graph.node.flatMap((node) => node.output)];
  const names = [...new Set(made)].filter((name) => name !== '' && types.has(name));
  const declared = new Set(graph.output.map((output) => output.name));
  const inputs = new Set(graph.input.map((input) => input.name));
  for (const name of names) {
    if (!declared.has(name) && !inputs.has(name)) graph.output.push(value(name, null, types.get(name)));
  }
  const results = await run(encodeModel(probe), feeds);
  const tensors = new Map<string, TensorRange>();
  for (const name of names) {
    const { dims, data } = results[name] ?? feeds[name]!;
    tensors.set(name, rangeOf(types.get(name)!, dims, data));
  }
  return { representative, samples: 1, tensors };
}

function rangeOf(dtype: TensorRange['dtype'], dims: readonly number[], data: ArrayLike<number>): TensorRange {
  const finite = Array.from(data).filter(Number.isFinite);
  const nonFinite = data.length - finite.length;
  if (finite.length === 0) return { dtype, dims, min: null, max: null, absMax: null, nonFinite };
  const min = finite.reduce((a, b) => Math.min(a, b));
  const max = finite.reduce((a, b) => Math.max(a, b));
  return { dtype, dims, min, max, absMax: Math.max(Math.abs(min), Math.abs(max)), nonFinite };
}

/** Minmax scales for some tensors. */
export function tableOf(ranges: TensorRanges, names: readonly string[]): CalibrationTable {
  const tensors = Object.fromEntries(
    names.map((name) => {
      const { min, max, absMax } = ranges.tensors.get(name)!;
      const threshold = absMax ?? 0;
      return [
        name,
        {
          min: min ?? 0,
          max: max ?? 0,
          threshold,
          scale: threshold / 127,
          algorithm: 'minmax',
          sqnrDb: null,
          unfit: null,
        },
      ] as const;
    }),
  );
  return {
    schemaVersion: 1,
    key: { model: '', data: '', preprocess: '', samples: 1, algorithm: 'minmax', percentile: null },
    representative: true,
    tensors,
    excluded: {},
  };
}

export interface Converted extends AppliedPlan {
  readonly prepared: Model;
  readonly ranges: TensorRanges;
}

/** The whole way: clean-up, ranges, scales, variant. */
export async function convert(
  model: Model,
  feeds: Feeds,
  request: Partial<ApplyPlanRequest> & Pick<ApplyPlanRequest, 'precision'>,
): Promise<Converted> {
  validateModel(model);
  const prepared = prepareModel(model);
  const ranges = await rangesOf(prepared, feeds);
  const plan = request.plan ?? noPlan;
  const targets = scaleTargets(prepared, { precision: request.precision, plan, ranges });
  const table = request.table === undefined ? tableOf(ranges, targets) : request.table;
  const applied = applyPlan(prepared, { ...request, plan, ranges, table });
  validateModel(applied.model);
  return { ...applied, prepared, ranges };
}

/** Runs a variant as the evaluation does (simulated where there are no kernels). */
export async function evaluate(model: Model, feeds: Feeds) {
  return run(encodeModel(simulate(model).model), feeds);
}

/** Largest difference over the largest magnitude of the reference. */
export function relativeError(reference: ArrayLike<number>, other: ArrayLike<number>): number {
  let largest = 0;
  let difference = 0;
  for (let i = 0; i < reference.length; i++) {
    largest = Math.max(largest, Math.abs(reference[i]!));
    difference = Math.max(difference, Math.abs(reference[i]! - (other[i] ?? NaN)));
  }
  return difference / Math.max(largest, 1e-30);
}

export function nodesOf(model: Model, opType: string): NodeProto[] {
  return model.proto.graph.node.filter((node) => node.opType === opType);
}

export function opTypes(model: Model): string[] {
  return model.proto.graph.node.map((node) => node.opType ?? '');
}

/** `fp16`, `fp32`, … of the casts of a graph, in order. */
export function castTargets(graph: GraphProto): string[] {
  return graph.node.filter((node) => node.opType === 'Cast').map((node) => dtypeOf(getInt(node, 'to', 0)));
}

export function decisionFor(decisions: readonly Decision[], opType: string): Decision | undefined {
  return decisions.find((decision) => decision.opType === opType);
}

/** Numbers in ±1 without structure (a linear congruential generator), so that sums do not cancel. */
export function noise(count: number, seed = 1): Float32Array {
  let state = seed * 2654435761;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}
