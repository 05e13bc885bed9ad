/**
 * Writes one variant: the prepared model in the precision that the plan asks for.
 *
 * Comes after calibration and before the engine build; the same graph is what the CPU runtime evaluates. Order inside:
 * decide (`decidePrecisions.ts`) → place and write Q/DQ or INT4 weights → bindings → casts → clean up. Pure: the prepared model is not changed.
 */
import type { CalibrationTable, TensorRanges } from '../contract/calibrationTable';
import { CodedError } from '../contract/errors';
import type { Precision, WeightStorage } from '../contract/plan';
import type { Decision } from '../contract/report';
import type { DType } from '../contract/tensor';
import { cloneModel } from '../model/cloneModel';
import { flatGraph } from '../model/flatGraph';
import { describeNode, GraphIndex } from '../model/graphIndex';
import { opsetVersion, type Model } from '../model/model';
import type { NodeProto } from '../model/onnx.generated';
import { ActivationScales, quantizedMax } from './activationScales';
import { decidePrecisions, typesOf, type PrecisionDecisions } from './decidePrecisions';
import { defaultBlock, placeInt4 } from './int4/placeInt4';
import { writeInt4 } from './int4/writeInt4';
import { unmatchedRules, type KeepRule } from './keepRules';
import { placeQuantization, type QuantizationPlacement, type QuantizedType } from './placeQuantization';
import type { ComputeType } from './precisionRules';
import { removeUnused } from './prepare/removeUnused';
import { simplifyCasts } from './simplifyCasts';
import { writeBindings } from './writeBindings';
import { writeCasts } from './writeCasts';
import { writeQuantization } from './writeQuantization';

/** The part of a plan that decides how a graph is written. */
export interface PlanChoices {
  readonly keep: readonly KeepRule[];
  readonly bindings: Readonly<Record<string, DType>>;
}

export interface ApplyPlanRequest {
  readonly precision: Precision;
  readonly plan: PlanChoices;
  readonly ranges: TensorRanges | null;
  /** Scales; needed by int8 and fp8. */
  readonly table: CalibrationTable | null;
  /** Precision of what int8 and fp8 leave: FP16 unless said otherwise. */
  readonly rest?: ComputeType;
  /** How 8-bit weights are kept in the file; `auto` unless said otherwise. */
  readonly weightStorage?: WeightStorage | undefined;
  /** Weights that share a scale in int4: 128 unless said otherwise. */
  readonly int4Block?: number | undefined;
}

export interface AppliedPlan {
  readonly model: Model;
  /** Nodes that stayed in a higher precision than the variant's, with the reason. */
  readonly decisions: Decision[];
  readonly warnings: string[];
}

/**
 * @param prepared what `prepareModel.ts` returns
 * @throws CodedError PLAN_INVALID (bindings), CALIBRATION_FAILED (no table), PRECISION_UNSUPPORTED (opset too old)
 */
export function applyPlan(prepared: Model, request: ApplyPlanRequest): AppliedPlan {
  const model = cloneModel(prepared);
  const writer = new VariantWriter(model, request);
  return writer.write();
}

/** Opset from which a precision can be written (ALGORITHMS §1, §2). */
const opsetFor: Readonly<Record<Precision, number>> = { fp32: 7, fp16: 13, bf16: 22, int8: 19, fp8: 19, int4: 21 };

/** The 8-bit type of a precision, or null. */
export function quantizedTypeOf(precision: Precision): QuantizedType | null {
  return precision === 'int8' ? 'int8' : precision === 'fp8' ? 'fp8e4m3' : null;
}

/** The precision in which a variant computes what is not quantized. */
export function restOf(precision: Precision, rest: ComputeType = 'fp16'): ComputeType {
  // The scales of INT4 weights are FP16, and so is the product behind them.
  if (precision === 'int4') return 'fp16';
  return precision === 'int8' || precision === 'fp8' ? rest : precision;
}

/** What a writer of quantized layers leaves behind. */
interface Quantized {
  readonly layers: number;
  readonly exclusions: ReadonlyMap<NodeProto, string>;
}

class VariantWriter {
  private readonly precision: Precision;
  private readonly rest: ComputeType;
  private readonly keep: readonly KeepRule[];
  private readonly warnings: string[] = [];

  constructor(
    private readonly model: Model,
    private readonly request: ApplyPlanRequest,
  ) {
    this.precision = request.precision;
    this.rest = restOf(request.precision, request.rest);
    this.keep = request.plan.keep;
    checkOpset(model, this.precision);
  }

  write(): AppliedPlan {
    const { graph } = this.model.proto;
    for (const rule of unmatchedRules(flatGraph(graph).node, this.keep)) {
      this.warnings.push(`The keep rule "${rule.match}" matches no node.`);
    }
    const decided = this.decide();
    const types: Map<string, DType> = decided?.types ?? typesOf(this.model, this.request.ranges);
    const precisions = new Map<NodeProto, ComputeType>();
    for (const [node, { dtype }] of decided?.nodes ?? []) precisions.set(node, dtype);
    const exclusions = decided === null ? null : this.quantize(decided, precisions, types);
    const bindings = writeBindings(this.model, {
      bindings: this.request.plan.bindings,
      types,
      scaleOf: (tensor) => this.scaleOf(tensor),
      rest: this.rest,
    });
    for (const [node, dtype] of bindings.precisions) precisions.set(node, dtype);
    if (decided !== null) this.warnOfUnseen(decided);
    writeCasts(this.model, {
      precisions,
      types,
      bindings: bindings.floats,
      maskConstants: decided?.masks.constants ?? new Set(),
    });
    simplifyCasts(this.model);
    removeUnused(graph);
    return {
      model: this.model,
      decisions: reportDecisions(decided, exclusions, this.precision),
      warnings: [...this.warnings, ...bindings.warnings],
    };
  }

  /** Where nothing of a body was seen, structure decided, as in a model without data: the user has to know. */
  private warnOfUnseen({ unseen }: PrecisionDecisions): void {
    const [first] = unseen;
    if (first === undefined || this.rest === 'fp32') return;
    const others = unseen.length === 1 ? '' : ` and ${unseen.length - 1} more`;
    this.warnings.push(
      `${describeNode(first)}${others} inside If, Loop or Scan bodies: in ${this.rest} although their values were not seen. ` +
        'The data never came there, or this runtime cannot look there; give data that takes every branch, or keep the node ' +
        'that carries the body in FP32.',
    );
  }

  private decide(): PrecisionDecisions | null {
    if (this.precision === 'fp32') return null;
    const { ranges } = this.request;
    const low = this.rest === 'fp32' ? 'fp16' : this.rest;
    const decided = decidePrecisions(this.model, { low, keep: this.keep, ranges });
    if (this.rest !== 'fp32') return decided;
    // FP32 around the 8-bit layers: the decisions still say which layers are fit for 8 bits.
    return decided;
  }

  /** @returns layers of a kind that could be quantized, and why they are not; null where nothing is quantized */
  private quantize(
    decided: PrecisionDecisions,
    precisions: Map<NodeProto, ComputeType>,
    types: Map<string, DType>,
  ): ReadonlyMap<NodeProto, string> | null {
    if (this.rest === 'fp32') for (const node of precisions.keys()) precisions.set(node, 'fp32');
    const dtype = quantizedTypeOf(this.precision);
    const written =
      this.precision === 'int4'
        ? this.quantizeWeights(decided, precisions)
        : dtype === null
          ? null
          : this.quantizeLayers(dtype, decided, precisions);
    if (written === null) return null;
    for (const [name, type] of typesOf(this.model, null)) if (!types.has(name)) types.set(name, type);
    if (written.layers === 0) this.warnings.push(`No layer of this model could be written in ${this.precision}.`);
    return written.exclusions;
  }

  private quantizeWeights(decided: PrecisionDecisions, precisions: Map<NodeProto, ComputeType>): Quantized {
    const placement = placeInt4(this.model, decided, {
      keep: this.keep,
      block: this.request.int4Block ?? defaultBlock,
    });
    const owners = writeInt4(this.model, placement);
    for (const [node, owner] of owners) precisions.set(node, precisions.get(owner) ?? this.rest);
    return { layers: placement.weights.length, exclusions: placement.exclusions };
  }

  private quantizeLayers(
    dtype: QuantizedType,
    decided: PrecisionDecisions,
    precisions: Map<NodeProto, ComputeType>,
  ): Quantized {
    const placed = this.place(decided, dtype);
    if (placed === null) {
      throw new CodedError({
        code: 'CALIBRATION_FAILED',
        reason: `${this.precision} needs a calibration table and there is none.`,
        fix: 'Give calibration data with --data, or a table with --calib-table.',
      });
    }
    const index = new GraphIndex(this.model.proto.graph);
    const written = writeQuantization(this.model, {
      ...placed,
      dtype,
      rest: this.rest,
      madeIn: (tensor) => this.madeIn(tensor, index, precisions),
      weightStorage: this.request.weightStorage ?? 'auto',
    });
    for (const [node, precision] of written.precisions) precisions.set(node, precision);
    return { layers: written.quantized.size, exclusions: placed.placement.exclusions };
  }

  /** A placement in which every tensor has a usable scale; null where that takes a table and there is none. */
  private place(
    decided: PrecisionDecisions,
    dtype: QuantizedType,
  ): { placement: QuantizationPlacement; scales: ActivationScales } | null {
    const { ranges } = this.request;
    // Measured for INT8; FP8 has another error and no guard.
    const guarded = dtype === 'int8' ? this.request.table?.guarded : undefined;
    const excluded = new Map<NodeProto, string>();
    const options = { dtype, keep: this.keep, ranges };
    const whole = placeQuantization(this.model, decided, options);
    const { scaleSources: calibrated } = whole;
    for (;;) {
      const isWhole = guarded === undefined && excluded.size === 0;
      const placement = isWhole ? whole : placeQuantization(this.model, decided, { ...options, guarded, excluded });
      // A model in which no layer can be quantized has nothing to calibrate: its variant is the rest precision, with a warning.
      const table = this.request.table ?? (placement.edges.length === 0 ? { tensors: {} } : null);
      if (table === null) return null;
      const scales = new ActivationScales(placement, { table, dtype, rest: this.rest, calibrated });
      const faults = scales.faults();
      if (faults.size === 0) return { placement, scales };
      for (const [node, reason] of faults) excluded.set(node, reason);
    }
  }

  /** The type in which a tensor is made: by its node, or as the binding of a graph input. */
  private madeIn(tensor: string, index: GraphIndex, precisions: ReadonlyMap<NodeProto, ComputeType>): ComputeType {
    const producer = index.producer(tensor);
    if (producer !== undefined) return precisions.get(producer) ?? 'fp32';
    const bound = this.request.plan.bindings[tensor] ?? 'fp32';
    return bound === 'fp16' || bound === 'bf16' || bound === 'fp32' ? bound : this.rest;
  }

  private scaleOf(tensor: string): number | null {
    const threshold = this.request.table?.tensors[tensor]?.threshold;
    return threshold !== undefined && Number.isFinite(threshold) && threshold > 0
      ? threshold / quantizedMax.int8
      : null;
  }
}

function reportDecisions(
  decided: PrecisionDecisions | null,
  exclusions: ReadonlyMap<NodeProto, string> | null,
  precision: Precision,
): Decision[] {
  if (decided === null) return [];
  const found: Decision[] = [];
  const report = (node: NodeProto, dtype: string, reason: string) =>
    found.push({ node: describeNode(node), opType: node.opType ?? '', precision: dtype, reason });
  for (const [node, { dtype, reason }] of decided.nodes) {
    const excluded = exclusions?.get(node);
    if (reason !== null) report(node, dtype, reason);
    else if (excluded !== undefined && precision !== dtype) report(node, dtype, excluded);
  }
  return found;
}

function checkOpset(model: Model, precision: Precision): void {
  const opset = opsetVersion(model.proto);
  if (opset >= opsetFor[precision]) return;
  throw new CodedError({
    code: 'PRECISION_UNSUPPORTED',
    reason: `${precision} needs opset ${opsetFor[precision]}; the model has ${opset} and could not be upgraded.`,
    fix: 'Export the model with a newer opset, or leave this precision out.',
  });
}
