/**
 * A model as the bytes of its file, for runtimes that open models from memory: what `saveModel.ts` would write, without the
 * file.
 */
import { closeSync, fstatSync, type BigIntStats } from 'node:fs';
import { wantsExternalData } from './externalWriter';
import { byteLength, checkStamp, isFileRange, openForReading, readFully, tooShort, type FileRange } from './fileRange';
import type { Model } from './model';
import { modelProtoSchema } from './onnx.generated';
import { encodeMessage } from './wireWriter';

/**
 * @param limit most bytes that are made
 * @returns null for a larger model, and for one whose weights lie in files of their own
 * @throws CodedError those of reading the weights
 */
export function modelBytes(model: Model, limit: number): Uint8Array | null {
  if (wantsExternalData(model)) return null;
  const { segments, bytes } = encodeMessage(model.proto, modelProtoSchema);
  if (bytes > limit) return null;
  // Every byte is written below: filling it with zeros first would take as long.
  const target = new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer);
  const sources = new OpenFiles();
  try {
    let at = 0;
    for (const segment of segments) {
      const end = at + byteLength(segment);
      if (isFileRange(segment)) sources.read(segment, target.subarray(at, end));
      else target.set(segment, at);
      at = end;
    }
  } finally {
    sources.close();
  }
  return target;
}

/** Files that ranges are read from: a model's weights all lie in one or two, which are opened and checked once. */
class OpenFiles {
  private readonly files = new Map<string, { readonly descriptor: number; readonly stats: BigIntStats }>();

  read(range: FileRange, target: Uint8Array): void {
    const { descriptor, stats } = this.open(range.path);
    checkStamp(range, stats);
    const count = readFully(descriptor, target, range.offset);
    if (count < range.length) throw tooShort(range.path, range.offset + range.length);
  }

  close(): void {
    for (const { descriptor } of this.files.values()) closeSync(descriptor);
  }

  private open(path: string) {
    let file = this.files.get(path);
    if (file === undefined) {
      const descriptor = openForReading(path);
      file = { descriptor, stats: fstatSync(descriptor, { bigint: true }) };
      this.files.set(path, file);
    }
    return file;
  }
}
