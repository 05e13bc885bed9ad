/**
 * The scales of a variant's activations: from a calibration table to numbers that the graph can hold.
 *
 * Stands between `placeQuantization.ts`, which says what needs a scale, and `writeQuantization.ts`, which writes it. What has no
 * usable scale is found before anything is written, so that the placement can be made again without it.
 */
import type { CalibrationTable } from '../contract/calibrationTable';
import type { NodeProto } from '../model/onnx.generated';
import type { QuantizationPlacement, QuantizedType } from './placeQuantization';
import { fp16MinNormal, type ComputeType } from './precisionRules';
import { roundedFloats } from './roundValues';

/** Largest magnitude of the 8-bit types; INT8 is used symmetrically. */
export const quantizedMax: Readonly<Record<QuantizedType, number>> = { int8: 127, fp8e4m3: 448 };

export interface ScaleOptions {
  readonly table: Pick<CalibrationTable, 'tensors'>;
  readonly dtype: QuantizedType;
  /** The type in which scales are stored. */
  readonly rest: ComputeType;
  /**
   * Sources by tensor of the placement that calibration was made for. A layer left out since then can leave a tensor outside of the
   * group whose scale it had; that scale still holds its values.
   */
  readonly calibrated: QuantizationPlacement['scaleSources'];
}

export class ActivationScales {
  constructor(
    private readonly placement: QuantizationPlacement,
    private readonly options: ScaleOptions,
  ) {}

  /** A tensor's scale, rounded to the type that stores it: values are quantized with exactly what they are read back with. */
  scale(tensor: string): Float32Array {
    return roundedFloats(Float32Array.of(this.exact(tensor)), this.options.rest);
  }

  /** Nodes that read a tensor without a usable scale, and why it has none. */
  faults(): Map<NodeProto, string> {
    const faults = new Map<NodeProto, string>();
    for (const { node, tensor } of this.placement.edges) {
      const fault = this.fault(tensor);
      if (fault !== null) faults.set(node, fault);
    }
    return faults;
  }

  private fault(tensor: string): string | null {
    for (const source of this.sources(tensor)) {
      const entry = this.options.table.tensors[source];
      if (entry === undefined) return `calibration has no scale for its input ${source}`;
      const threshold = this.threshold(source);
      if (!Number.isFinite(threshold)) return `the calibrated range of its input ${source} is not finite`;
      if (threshold <= 0) return `its input ${source} was zero in every calibration sample`;
    }
    // A pair with an FP32 scale would need a cast between DequantizeLinear and the layer, and would not fuse with it.
    if (this.options.rest === 'fp16' && this.exact(tensor) < fp16MinNormal)
      return `the scale of its input ${tensor} is ${this.exact(tensor).toExponential(1)}, below FP16's normal numbers`;
    return null;
  }

  private exact(tensor: string): number {
    return Math.max(...this.sources(tensor).map((source) => this.threshold(source))) / quantizedMax[this.options.dtype];
  }

  private sources(tensor: string): readonly string[] {
    const { table, calibrated } = this.options;
    const own = this.placement.scaleSources.get(tensor) ?? [tensor];
    return own.every((source) => source in table.tensors) ? own : (calibrated.get(tensor) ?? own);
  }

  /** Largest magnitude that the 8 bits must hold. FP8 keeps relative precision over its range and never clips. */
  private threshold(tensor: string): number {
    const entry = this.options.table.tensors[tensor];
    if (entry === undefined) return NaN;
    return this.options.dtype === 'fp8e4m3' ? Math.max(Math.abs(entry.min), Math.abs(entry.max)) : entry.threshold;
  }
}
