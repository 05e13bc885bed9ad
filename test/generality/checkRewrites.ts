/**
 * Takes one model through everything that a conversion does to a graph, and holds each rewritten graph to the FP32 one.
 *
 * validate → prepare → observe → write FP16, BF16 (weights rounded by what layers read), INT8, FP8 → run → compare. A coded refusal is an outcome of its own; a
 * wrong number or any other exception is a failure. Used on the single-operator tests of ONNX (`singleOpCase.ts`) and on
 * random graphs (`randomCase.ts`).
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Session } from '../../extension/backends/backend';
import { nativeAddonState } from '../../extension/backends/nativeAddon';
import { OnnxRuntimeBackend } from '../../extension/backends/onnxRuntime';
import { onnxRuntimeObserving } from '../../extension/backends/onnxRuntimeObserving';
import { calibrateTensors } from '../../extension/calibrate/calibrateTensors';
import type { Dataset } from '../../extension/calibrate/dataset';
import { measureInputMoments } from '../../extension/calibrate/measureInputMoments';
import { observeRanges, type ObservedRanges } from '../../extension/calibrate/observeRanges';
import { roundWeights } from '../../extension/calibrate/roundWeights';
import type { CalibrationTable, InputMoments } from '../../extension/contract/calibrationTable';
import { CodedError } from '../../extension/contract/errors';
import type { Precision } from '../../extension/contract/plan';
import type { NamedTensors } from '../../extension/contract/tensor';
import { walkGraphs } from '../../extension/model/graphIndex';
import { loadModel } from '../../extension/model/loadModel';
import type { Model } from '../../extension/model/model';
import { saveModel } from '../../extension/model/saveModel';
import { validateModel } from '../../extension/model/validateModel';
import { applyPlan, type PlanChoices } from '../../extension/plan/applyPlan';
import { explainPlan } from '../../extension/plan/explainPlan';
import { prepareModel } from '../../extension/plan/prepareModel';
import type { ComputeType } from '../../extension/plan/precisionRules';
import { scaleTargets } from '../../extension/plan/scaleTargets';
import { simulate } from '../../extension/plan/simulate';
import { convertFeeds } from '../../extension/worker/stages/convertFeeds';
import { quantizedFormFaults } from '../support/quantizedForm';
import { compareOutputs, roundings, type Difference } from './compareOutputs';
import { compareSignals, movedSignals } from './compareSignals';
import { movedInputs, type Move } from './sensitivity';

export interface VariantOutcome {
  readonly variant: string;
  readonly status: 'passed' | 'refused' | 'failed';
  /** Code of a refusal; for failures what is wrong. */
  readonly reason: string | null;
  readonly sqnrDb: number | null;
  /** The rewritten graph, where one was written. */
  readonly file: string | null;
  /** Nodes that got 8-bit weights; null where that is not the point. */
  readonly quantized: number | null;
}

export interface RewriteRequest {
  /** The original. */
  readonly path: string;
  readonly feeds: NamedTensors;
  /** Outputs of the original, run by ONNX Runtime. */
  readonly expected: NamedTensors;
  /** Where the rewritten graphs go. */
  readonly folder: string;
  readonly plan: PlanChoices;
  readonly rest?: ComputeType;
  readonly weightStorage?: 'auto' | 'quantized' | 'float';
  /**
   * `elements`: every element within its bound (single operators). `signal`: signal-to-noise ratio of every output, for
   * graphs with steps in them (quantization that was there before), where single elements jump.
   */
  readonly judge?: 'elements' | 'signal';
  /** Whether ranges are observed inside the runtime, bodies of If, Loop and Scan included; else with plain sessions. */
  readonly observeInside?: boolean;
}

const backend = new OnnxRuntimeBackend();

export const openExact = (path: string): Promise<Session> =>
  backend.open({ kind: 'onnx', path }, { exact: true, threads: 1 });

/** @throws Error without the native module */
async function observingRuntime() {
  const observing = await onnxRuntimeObserving(nativeAddonState().addon);
  if (observing === null) throw new Error('the native module is missing: npm run native');
  return observing;
}

/** Runs a model once as it is written. */
export async function runOnce(path: string, feeds: NamedTensors): Promise<NamedTensors> {
  const session = await openExact(path);
  try {
    return await session.run(convertFeeds(feeds, session));
  } finally {
    await session.close();
  }
}

/** Outcomes of the prepared graph first, then of every variant; ends early where there is nothing to build on. */
export async function checkRewrites(request: RewriteRequest): Promise<VariantOutcome[]> {
  await mkdir(request.folder, { recursive: true });
  const sizes = Object.fromEntries(Object.entries(request.feeds).map(([name, { dims }]) => [name, dims]));
  await writeFile(join(request.folder, 'inputs.json'), JSON.stringify(sizes));
  let prepared: Model;
  try {
    const original = await loadModel(request.path);
    validateModel(original);
    prepared = prepareModel(original);
  } catch (error) {
    return [thrown('prepared', error, null)];
  }
  const checker = new RewriteChecker(request, prepared);
  const first = await checker.prepared();
  if (first.status !== 'passed') return [first];
  try {
    await checker.observe();
  } catch (error) {
    return [first, { ...thrown('observed', error, null), status: 'failed' }];
  }
  return [
    first,
    await checker.rounded('fp16'),
    await checker.rounded('bf16'),
    ...(await checker.quantized('int8')),
    ...(await checker.quantized('fp8')),
    ...(await checker.packed()),
  ];
}

class RewriteChecker {
  private readonly nodes: number;
  private ranges: ObservedRanges | null = null;
  private moments: ReadonlyMap<string, InputMoments> = new Map();

  constructor(
    private readonly request: RewriteRequest,
    private readonly model: Model,
  ) {
    this.nodes = [...walkGraphs(model.proto.graph)].reduce((count, graph) => count + graph.node.length, 0);
  }

  async prepared(): Promise<VariantOutcome> {
    const file = join(this.request.folder, 'prepared.onnx');
    return guarded('prepared', file, async () => {
      await saveModel(this.model, file);
      const actual = await runOnce(file, this.request.feeds);
      return this.judge(actual, 'fp32');
    });
  }

  async observe(): Promise<void> {
    const observing = this.request.observeInside === true ? await observingRuntime() : undefined;
    const source = { ...this.source(), observing, indices: [0], batchSize: 1 };
    this.ranges = await observeRanges(this.model, source);
    this.moments = await measureInputMoments(this.model, source);
  }

  async rounded(precision: 'fp16' | 'bf16'): Promise<VariantOutcome> {
    return this.variant(precision, precision, null, (actual) => this.judge(actual, precision));
  }

  /** No outcome where no layer asks for 8 bits. */
  async quantized(precision: 'int8' | 'fp8'): Promise<VariantOutcome[]> {
    const { plan } = this.request;
    let table: CalibrationTable;
    try {
      const tensors = scaleTargets(this.model, { precision, plan, ranges: this.ranges });
      if (tensors.length === 0) return [];
      table = await calibrateTensors(this.model, {
        ...this.source(),
        indices: [0],
        batchSize: 1,
        tensors,
        ranges: this.ranges!,
        algorithm: 'auto',
        percentile: 99.99,
        cutoff: null,
        key: { model: '', data: '', preprocess: '', samples: 1, algorithm: 'auto', percentile: null },
      });
    } catch (error) {
      return [thrown(precision, error, null)];
    }
    const steps =
      precision === 'int8' ? { relative: 0, ofLargest: 1 / 254 } : { relative: 2 ** -4, ofLargest: 2 ** -10 / 448 };
    return [await this.variant(precision, precision, table, (actual) => this.judgeNoise(actual, steps))];
  }

  /** INT4 weights need no scales of ours. No outcome where no product takes them. */
  async packed(): Promise<VariantOutcome[]> {
    const explained = explainPlan(this.model, 'int4', { plan: this.request.plan, ranges: this.ranges });
    if (!explained.some(({ precision }) => precision === 'int4')) return [];
    // Half a step of the usual scale, seven of which make the largest weight.
    const steps = { relative: 0, ofLargest: 1 / 14 };
    return [await this.variant('int4', 'int4', null, (actual) => this.judgeNoise(actual, steps))];
  }

  private source() {
    const { feeds } = this.request;
    const dataset: Dataset = {
      kind: 'tensors',
      source: 'the inputs of the case',
      length: 1,
      labelled: false,
      classes: null,
      batchRule: { kind: 'single' },
      get: () => Promise.resolve({ id: '0', tensors: feeds, label: null }),
      sha256: () => Promise.resolve(''),
      close: () => Promise.resolve(),
    };
    return { dataset, open: openExact };
  }

  private variant(
    name: string,
    precision: Precision,
    table: CalibrationTable | null,
    judge: (actual: NamedTensors) => Promise<Judgement>,
  ): Promise<VariantOutcome> {
    const file = join(this.request.folder, `${name}.onnx`);
    return guarded(name, file, async () => {
      const { plan, rest, weightStorage } = this.request;
      const { model } = applyPlan(this.model, {
        precision,
        plan,
        ranges: this.ranges,
        table,
        ...(rest === undefined ? {} : { rest }),
        ...(weightStorage === undefined ? {} : { weightStorage }),
      });
      if (precision === 'fp16' || precision === 'bf16') roundWeights(model, this.model, this.moments);
      await saveModel(model, file);
      const isQuantized = table !== null || precision === 'int4';
      const faults = isQuantized ? quantizedFormFaults(model, this.model) : [];
      if (faults.length > 0) throw new Error(`not in the form that TensorRT takes: ${faults.join('; ')}`);
      // Where the runtime has the types, the graph itself must run; whether its numbers are right is told by the simulation,
      // since the runtime skips roundings that a GPU makes.
      if (!simulate(model).simulated) {
        const direct = await judge(await runOnce(file, this.request.feeds));
        if (direct.differences.length > 0) return direct;
      }
      const simulated = join(this.request.folder, `${name}.simulated.onnx`);
      await saveModel(simulate(model, ['bf16', 'fp16']).model, simulated);
      const judgement = await judge(await runOnce(simulated, this.request.feeds));
      const quantized = model.proto.graph.node.filter(({ opType }) => opType === 'QuantizeLinear').length;
      return { ...judgement, quantized: table === null ? null : quantized };
    });
  }

  /** Within the rounding of a float type, by the strict bound first and the measured conditioning where that fails. */
  private async judge(actual: NamedTensors, precision: keyof typeof roundings): Promise<Judgement> {
    const rounding = roundings[precision];
    if (this.request.judge === 'signal') return this.judgeSignal(actual, precision);
    const given = { expected: this.request.expected, actual, rounding, nodes: this.nodes };
    const strict = compareOutputs({ ...given, moved: [] });
    if (strict.differences.length === 0) return strict;
    const moved = await this.moved({ relative: rounding.epsilon, ofLargest: 0 }, 6);
    return compareOutputs({ ...given, moved });
  }

  /** FP32: 80 dB. Others: near the noise of one rounding (6 dB per bit), or of moved inputs, less 6 dB. */
  private async judgeSignal(actual: NamedTensors, precision: keyof typeof roundings): Promise<Judgement> {
    const { expected } = this.request;
    const rounding = roundings[precision];
    const depth = 10 * Math.log10(this.nodes + 1);
    const easy = precision === 'fp32' ? 80 : -20 * Math.log10(rounding.epsilon) - depth;
    const strict = compareSignals(expected, actual, () => easy);
    if (strict.differences.length === 0) return strict;
    // As many roundings as there are nodes add up to the root of their number; steps in the graph see them all at once.
    const relative = rounding.epsilon * Math.sqrt(this.nodes + 1);
    const likely = movedSignals(expected, await this.moved({ relative, ofLargest: 0 }, 6));
    return compareSignals(expected, actual, (output) => Math.min(easy, (likely.get(output) ?? Infinity) - 6));
  }

  /**
   * Fixed-point noise: the signal-to-noise ratio must come near what the same noise on inputs and weights makes, less 3 dB
   * for each doubling of the nodes that it passes, and 6 dB.
   */
  private async judgeNoise(actual: NamedTensors, move: Move): Promise<Judgement> {
    const { expected } = this.request;
    const depth = 10 * Math.log10(this.nodes + 1);
    const strict = compareSignals(expected, actual, () => 33 - depth);
    if (strict.differences.length === 0) return strict;
    const likely = movedSignals(expected, await this.moved(move, 4));
    return compareSignals(expected, actual, (output) =>
      Math.min(33 - depth, (likely.get(output) ?? Infinity) - 6 - depth),
    );
  }

  private async moved(move: Move, runs: number): Promise<NamedTensors[]> {
    const found: NamedTensors[] = [];
    const file = join(this.request.folder, 'moved.onnx');
    for (let seed = 1; seed <= runs; seed++) {
      const { model, feeds } = movedInputs(this.model, this.request.feeds, move, seed);
      await saveModel(model, file);
      // A moved input may be out of an operator's domain: then it says nothing.
      const outputs = await runOnce(file, feeds).catch(() => null);
      if (outputs !== null) found.push(outputs);
    }
    return found;
  }
}

interface Judgement {
  readonly differences: readonly Difference[];
  readonly sqnrDb: number | null;
  readonly quantized?: number | null;
}

async function guarded(variant: string, file: string, check: () => Promise<Judgement>): Promise<VariantOutcome> {
  try {
    const { differences, sqnrDb, quantized = null } = await check();
    const finite = sqnrDb === null || !Number.isFinite(sqnrDb) ? null : sqnrDb;
    const reason = differences.map(({ output, what }) => `${output} ${what}`).join('; ');
    const status = differences.length === 0 ? 'passed' : 'failed';
    return { variant, status, reason: reason === '' ? null : reason, sqnrDb: finite, file, quantized };
  } catch (error) {
    return thrown(variant, error, file);
  }
}

/** Codes with which the writers refuse; a rewritten graph that does not run is a failure, whatever its code. */
const refusals: ReadonlySet<string> = new Set([
  'MODEL_INVALID',
  'MODEL_OPSET_UNSUPPORTED',
  'MODEL_OPSET_UPGRADE',
  'PRECISION_UNSUPPORTED',
  'PLAN_INVALID',
  'CALIBRATION_FAILED',
]);

function thrown(variant: string, error: unknown, file: string | null): VariantOutcome {
  const coded = CodedError.is(error) && refusals.has(error.code);
  const text = CodedError.is(error)
    ? `${error.code}: ${error.reason}`
    : String(error instanceof Error ? error.stack : error);
  return { variant, status: coded ? 'refused' : 'failed', reason: text, sqnrDb: null, file, quantized: null };
}
