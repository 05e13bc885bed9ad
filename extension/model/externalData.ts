/**
 * Tensors whose values lie in another file: from ONNX's location, offset and length to a checked range.
 *
 * Used by `loadModel.ts`, which turns every external tensor into a range, and by `tensorValues.ts` for tensors made
 * elsewhere. Source: ONNX's "External Data" document. A path that leaves the model's folder is refused, symbolic
 * links included, since a model from the net must not read the user's files.
 */
import { realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, posix, sep } from 'node:path';
import { CodedError } from '../contract/errors';
import { elementCount } from '../contract/tensor';
import { bytesFor, dtypeOrNull } from './dtype';
import { type FileRange, stampOf } from './fileRange';
import { dataLocation, type TensorProto } from './onnx.generated';

export function isExternal(tensor: TensorProto): boolean {
  return tensor.dataLocation === dataLocation.EXTERNAL;
}

/** Bytes of a tensor's values, or null where the type's size is not known. */
export function tensorBytes(tensor: TensorProto): number | null {
  const dtype = dtypeOrNull(tensor.dataType);
  return dtype === null || dtype === 'string' ? null : bytesFor(dtype, elementCount(tensor.dims));
}

/** Resolves external tensors of one model; looks at each data file once. */
export class ExternalData {
  private readonly folder: string;
  private readonly files = new Map<string, { path: string; size: number; stamp: string }>();

  constructor(private readonly modelPath: string) {
    this.folder = realFolder(dirname(modelPath));
  }

  /** @throws CodedError EXTERNAL_DATA_OUTSIDE, EXTERNAL_DATA_MISSING, MODEL_INVALID */
  range(tensor: TensorProto): FileRange {
    const entries = new Map(tensor.externalData.map((entry) => [entry.key, entry.value ?? '']));
    const location = entries.get('location');
    if (location === undefined || location === '') throw this.invalid(tensor, 'names no file');
    const file = this.file(location, tensor);
    const offset = this.whole(tensor, 'offset', entries.get('offset')) ?? 0;
    const needed = tensorBytes(tensor);
    const length = this.whole(tensor, 'length', entries.get('length')) ?? needed ?? file.size - offset;
    if (needed !== null && length < needed) {
      throw this.invalid(tensor, `has ${length} bytes where its shape and type need ${needed}`);
    }
    if (offset + length > file.size) {
      throw new CodedError({
        code: 'EXTERNAL_DATA_MISSING',
        reason: `${file.path} has ${file.size} bytes; tensor ${tensor.name} needs bytes ${offset} to ${offset + length}.`,
        fix: 'Copy the model and its data files again; one of them is incomplete.',
        place: { file: file.path, field: tensor.name ?? '' },
      });
    }
    return { path: file.path, offset, length: needed ?? length, stamp: file.stamp };
  }

  private file(location: string, tensor: TensorProto): { path: string; size: number; stamp: string } {
    const known = this.files.get(location);
    if (known !== undefined) return known;
    const file = this.open(location, tensor);
    this.files.set(location, file);
    return file;
  }

  private open(location: string, tensor: TensorProto): { path: string; size: number; stamp: string } {
    // Models made on Windows may hold backslashes; on other systems those would be part of a name.
    const portable = location.replaceAll('\\', '/');
    const absolute = isAbsolute(location) || posix.isAbsolute(portable) || /^[A-Za-z]:/.test(portable);
    if (absolute || posix.normalize(portable).startsWith('../') || posix.normalize(portable) === '..') {
      throw this.outside(location, tensor);
    }
    const path = join(dirname(this.modelPath), portable);
    try {
      const real = realpathSync(path);
      if (!real.startsWith(this.folder.endsWith(sep) ? this.folder : this.folder + sep)) {
        throw this.outside(location, tensor);
      }
      const stats = statSync(real, { bigint: true });
      if (!stats.isFile()) throw this.missing(path, tensor, 'is not a file');
      return { path, size: Number(stats.size), stamp: stampOf(stats) };
    } catch (error) {
      if (error instanceof CodedError) throw error;
      const code = (error as NodeJS.ErrnoException).code;
      throw this.missing(path, tensor, code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`);
    }
  }

  private whole(tensor: TensorProto, key: string, text: string | undefined): number | undefined {
    if (text === undefined || text === '') return undefined;
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw this.invalid(tensor, `has ${key} "${text}"`);
    return value;
  }

  private outside(location: string, tensor: TensorProto): CodedError {
    return new CodedError({
      code: 'EXTERNAL_DATA_OUTSIDE',
      reason: `Tensor ${tensor.name} of ${this.modelPath} wants its data from "${location}", outside the model's folder.`,
      fix: 'Put the data file beside the model and name it without a path, or do not trust this model.',
      place: { file: this.modelPath, field: tensor.name ?? '' },
    });
  }

  private missing(path: string, tensor: TensorProto, what: string): CodedError {
    return new CodedError({
      code: 'EXTERNAL_DATA_MISSING',
      reason: `${path} ${what}; tensor ${tensor.name} of ${this.modelPath} has its data there.`,
      fix: 'Copy the data file into the folder of the model.',
      place: { file: path, field: tensor.name ?? '' },
    });
  }

  private invalid(tensor: TensorProto, what: string): CodedError {
    return new CodedError({
      code: 'MODEL_INVALID',
      reason: `The external data of tensor ${tensor.name} in ${this.modelPath} ${what}.`,
      fix: 'Export the model again.',
      place: { file: this.modelPath, field: tensor.name ?? '' },
    });
  }
}

function realFolder(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return folder;
  }
}
