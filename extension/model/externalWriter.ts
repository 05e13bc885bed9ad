/**
 * Decides which weights go into a data file beside the model, and where in it.
 *
 * Used by `saveModel.ts`. The model itself is not changed: the encoder writes substitutes for the tensors concerned.
 * Source: ONNX's "External Data" document (keys location, offset, length; offsets aligned to pages for memory mapping).
 */
import { realpathSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { byteLength, type Bytes, isFileRange } from './fileRange';
import { walkGraphs } from './graphIndex';
import type { Model } from './model';
import { dataLocation, dataType, newStringStringEntry, type TensorProto } from './onnx.generated';
import { rawBytes } from './tensorValues';
import type { Encoded } from './wireWriter';

export interface ExternalPlan extends Encoded {
  /** What to encode in place of a tensor. */
  readonly substitutes: ReadonlyMap<object, TensorProto>;
}

/** Smaller tensors stay in the ONNX file, as ONNX's own tools do it. */
const smallest = 1024;
const alignment = 64;
/** Large tensors start on a page, so that a runtime can map them. */
const pageAlignment = 4096;
const pageThreshold = 1 << 20;

/** Whether the model came with external data. */
export function wantsExternalData(model: Model): boolean {
  const own = resolve(model.path);
  for (const tensor of initializers(model)) {
    const payload = rawBytes(tensor, model);
    if (payload !== null && isFileRange(payload) && resolve(payload.path) !== own) return true;
  }
  return false;
}

/** Lays out the data file. Tensors that already lie in another data file of the same folder are left there. */
export function planExternalData(model: Model, dataPath: string): ExternalPlan {
  const folder = realFolder(dataPath);
  const own = resolve(model.path);
  const substitutes = new Map<object, TensorProto>();
  const segments: Bytes[] = [];
  let end = 0;
  for (const tensor of initializers(model)) {
    const payload = payloadOf(tensor, model);
    if (payload === null || byteLength(payload) < smallest) continue;
    const stays =
      isFileRange(payload) &&
      resolve(payload.path) !== own &&
      resolve(payload.path) !== resolve(dataPath) &&
      realFolder(payload.path) === folder;
    if (stays) {
      substitutes.set(tensor, externalTensor(tensor, basename(payload.path), payload.offset, payload.length));
      continue;
    }
    const length = byteLength(payload);
    const step = length >= pageThreshold ? pageAlignment : alignment;
    const offset = Math.ceil(end / step) * step;
    if (offset > end) segments.push(new Uint8Array(offset - end));
    segments.push(payload);
    substitutes.set(tensor, externalTensor(tensor, basename(dataPath), offset, length));
    end = offset + length;
  }
  return { substitutes, segments, bytes: end };
}

/** Only initializers: runtimes do not agree on external data in attributes. */
function* initializers(model: Model): Generator<TensorProto> {
  for (const graph of walkGraphs(model.proto.graph)) yield* graph.initializer;
}

/** A tensor's values as bytes if they can stand in a data file as they are. */
function payloadOf(tensor: TensorProto, model: Model): Bytes | null {
  if (tensor.dataType === dataType.STRING) return null;
  const raw = rawBytes(tensor, model);
  if (raw !== null) return raw;
  const typed =
    tensor.dataType === dataType.FLOAT
      ? tensor.floatData
      : tensor.dataType === dataType.DOUBLE
        ? tensor.doubleData
        : tensor.dataType === dataType.INT64
          ? tensor.int64Data
          : null;
  if (typed === null || isFileRange(typed)) return typed;
  return new Uint8Array(typed.buffer, typed.byteOffset, typed.byteLength);
}

function externalTensor(tensor: TensorProto, location: string, offset: number, length: number): TensorProto {
  const entry = (key: string, value: string) => newStringStringEntry({ key, value });
  return {
    ...tensor,
    rawData: undefined,
    floatData: new Float32Array(0),
    doubleData: new Float64Array(0),
    int32Data: new Int32Array(0),
    int64Data: new BigInt64Array(0),
    externalData: [entry('location', location), entry('offset', String(offset)), entry('length', String(length))],
    dataLocation: dataLocation.EXTERNAL,
  };
}

/** The folder of a file, links resolved. */
function realFolder(path: string): string {
  const folder = dirname(resolve(path));
  try {
    return realpathSync(folder);
  } catch {
    return folder;
  }
}
