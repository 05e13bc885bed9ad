/**
 * Writes a model: its structure from memory, its weights streamed from the files they lie in.
 *
 * The last step of every rewrite; engines and sessions open what it wrote. Files are written aside and renamed, so the
 * target is whole or absent, and it may be the very file that the weights are read from.
 */
import { rename, rm, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { CodedError } from '../contract/errors';
import { planExternalData, wantsExternalData } from './externalWriter';
import { type FileRange, stampOf } from './fileRange';
import type { Model } from './model';
import { modelProtoSchema } from './onnx.generated';
import { type Move, writeSegments } from './segmentFile';
import { encodeMessage } from './wireWriter';

export interface SaveOptions {
  /**
   * Where weights go. `auto` embeds them unless the model came with external data or is too large for one protobuf,
   * which cannot exceed 2 GiB.
   */
  readonly weights?: 'auto' | 'embedded' | 'external';
}

export interface SavedModel {
  /** Size of the ONNX file, in bytes, without its data file. */
  readonly bytes: number;
  /** Of the ONNX file, in hexadecimal. */
  readonly sha256: string;
}

/** Protobuf readers refuse messages from 2^31 bytes on; some room is left for tools that add fields. */
const embeddedLimit = 1.9e9;

/**
 * Writes `path`, and `<path>.data` when weights go outside. The model stays usable when its own file is replaced: its
 * ranges then point into the new one. Tensors whose data file is in the same folder stay where they are.
 * @throws CodedError OUTPUT_UNWRITABLE; those of reading the weights
 */
export async function saveModel(model: Model, path: string, options: SaveOptions = {}): Promise<SavedModel> {
  const weights = options.weights ?? 'auto';
  const embedded = encodeMessage(model.proto, modelProtoSchema);
  const outside =
    weights === 'external' || (weights === 'auto' && (embedded.bytes > embeddedLimit || wantsExternalData(model)));
  if (!outside) return writeFiles(path, [{ path, encoded: embedded }]);

  const dataPath = `${path}.data`;
  const plan = planExternalData(model, dataPath);
  const encoded = encodeMessage(model.proto, modelProtoSchema, {
    substitute: (message) => plan.substitutes.get(message) ?? message,
  });
  const data = plan.bytes > 0 ? [{ path: dataPath, encoded: plan }] : [];
  return writeFiles(path, [{ path, encoded }, ...data]);
}

interface FileToWrite {
  readonly path: string;
  readonly encoded: Parameters<typeof writeSegments>[1];
}

/** Writes all files aside, then renames them, the ONNX file last, so that it never names data that is not there. */
async function writeFiles(target: string, files: readonly FileToWrite[]): Promise<SavedModel> {
  const total = files[0]!.encoded.bytes;
  if (total >= 2 ** 31) throw tooLarge(target, total);
  const temporary = files.map((file) => `${file.path}.tmp`);
  const moves: { path: string; moves: readonly Move[] }[] = [];
  let sha256 = '';
  try {
    for (const [index, file] of files.entries()) {
      const written = await writeSegments(temporary[index]!, file.encoded, { hash: file.path === target });
      moves.push({ path: file.path, moves: written.moves });
      if (file.path === target) sha256 = written.sha256 ?? '';
    }
    for (let index = files.length - 1; index >= 0; index--) await rename(temporary[index]!, files[index]!.path);
  } catch (error) {
    await Promise.all(temporary.map((path) => rm(path, { force: true })));
    throw error instanceof CodedError ? error : unwritable(target, error);
  }
  await followMoves(
    files.map((file) => file.path),
    moves,
  );
  return { bytes: total, sha256 };
}

/** Ranges of files that were just replaced get their new place; all clones of the model share them. */
async function followMoves(
  replaced: readonly string[],
  written: readonly { path: string; moves: readonly Move[] }[],
): Promise<void> {
  for (const { path, moves } of written) {
    const affected = moves.filter((move) => replaced.includes(move.range.path));
    if (affected.length === 0) continue;
    const stamp = stampOf(await stat(path, { bigint: true }));
    for (const { range, offset } of affected)
      Object.assign(range, { path, offset, stamp } satisfies Partial<FileRange>);
  }
}

function tooLarge(path: string, bytes: number): CodedError {
  return new CodedError({
    code: 'MODEL_INVALID',
    reason: `${basename(path)} would have ${bytes} bytes; a protobuf cannot exceed 2 GiB.`,
    fix: 'Store large constants as initializers, so that they can go into a data file.',
    place: { file: path },
  });
}

function unwritable(path: string, cause: unknown): CodedError {
  return new CodedError(
    {
      code: 'OUTPUT_UNWRITABLE',
      reason: `${path} cannot be written (${(cause as NodeJS.ErrnoException).code ?? String(cause)}).`,
      fix: 'Check that the folder exists, is writable and has room.',
      place: { file: path },
    },
    { cause },
  );
}
