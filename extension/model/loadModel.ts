/**
 * Reads an ONNX file: its structure into memory, its weights as ranges of the files they lie in.
 *
 * The first stage of the pipeline; `validateModel.ts` comes next. Payloads from 16 KiB on, embedded or external, are not
 * read here, so that a model of gigabytes loads in the time and memory of its graph.
 */
import { statSync } from 'node:fs';
import { CodedError } from '../contract/errors';
import { type ByteSource, fileSource } from './byteSource';
import { ExternalData, isExternal } from './externalData';
import { notFound } from './fileRange';
import type { Model } from './model';
import { type ModelProto, modelProtoSchema } from './onnx.generated';
import { walkTensors } from './walkTensors';
import { decodeMessage, WireError } from './wireReader';

export type { Model } from './model';

/**
 * @throws CodedError MODEL_NOT_FOUND, MODEL_NOT_ONNX, MODEL_TRUNCATED (with the offset), MODEL_INVALID (no graph),
 *   EXTERNAL_DATA_MISSING, EXTERNAL_DATA_OUTSIDE
 */
export function loadModel(path: string): Promise<Model> {
  // Decoding takes milliseconds and is synchronous; the promise leaves room for a source that is not.
  return new Promise((resolve) => resolve(load(path)));
}

function load(path: string): Model {
  const proto = readProto(path);
  const { graph } = proto;
  if (graph === undefined) {
    throw new CodedError({
      code: 'MODEL_INVALID',
      reason: `${path} has no graph.`,
      fix: 'Export the model again; the file holds a header only.',
      place: { file: path, field: 'graph' },
    });
  }
  resolveExternalData(proto, path);
  return { proto: { ...proto, graph }, path };
}

/** External tensors get the same form as embedded ones: a range in `rawData`. */
function resolveExternalData(proto: ModelProto, path: string): void {
  const external = new ExternalData(path);
  for (const tensor of walkTensors(proto)) {
    if (!isExternal(tensor)) continue;
    tensor.rawData = external.range(tensor);
    tensor.externalData = [];
    tensor.dataLocation = undefined;
  }
}

/** The message as it stands in the file, external tensors unresolved. */
export function readProto(path: string): ModelProto {
  let isFile: boolean;
  try {
    isFile = statSync(path).isFile();
  } catch (cause) {
    throw notFound(path, cause);
  }
  if (!isFile) throw notOnnx(path, 'is not a file');
  const source = fileSource(path);
  try {
    if (source.size === 0) throw notOnnx(path, 'is empty');
    const known = recognize(source.view(0, 64).subarray(0, 64));
    if (known !== null) throw notOnnx(path, `is ${known}`);
    return decode(source, path);
  } finally {
    source.close();
  }
}

function decode(source: ByteSource, path: string): ModelProto {
  let proto: ModelProto;
  try {
    proto = decodeMessage<ModelProto>(source, modelProtoSchema);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    if (error.truncated && error.partial !== undefined && looksLikeModel(error.partial as unknown as ModelProto)) {
      throw new CodedError(
        {
          code: 'MODEL_TRUNCATED',
          reason: `${path} ends at byte ${source.size} in the middle of a field that begins at byte ${error.offset}.`,
          fix: 'Copy or download the model again; the file is incomplete.',
          place: { file: path },
        },
        { cause: error },
      );
    }
    throw notOnnx(path, `is not an ONNX protobuf (at byte ${error.offset}: ${error.message})`, error);
  }
  if (!looksLikeModel(proto)) throw notOnnx(path, 'has none of the fields of an ONNX model');
  return proto;
}

/** Whether a message, perhaps incomplete, is a model and not other bytes that happen to parse. */
function looksLikeModel(proto: ModelProto): boolean {
  const version = proto.irVersion ?? 0;
  const graph = proto.graph;
  return (version >= 1 && version < 1000) || (graph !== undefined && graph.node.length + graph.initializer.length > 0);
}

/** Files that people mistake for a model; the name goes into the message. */
function recognize(head: Uint8Array): string | null {
  const text = Buffer.from(head).toString('latin1');
  if (text.startsWith('version https://git-lfs')) return 'a Git LFS pointer, not the model itself (run `git lfs pull`)';
  if (text.startsWith('\x89PNG')) return 'a PNG image';
  if (text.startsWith('\xff\xd8\xff')) return 'a JPEG image';
  if (text.startsWith('PK\x03\x04')) return 'a ZIP archive (a PyTorch checkpoint?), not an exported ONNX model';
  if (text.startsWith('\x89HDF')) return 'an HDF5 file (a Keras model?), not an exported ONNX model';
  if (text.slice(4, 8) === 'TFL3') return 'a TensorFlow Lite model';
  if (text.slice(4, 8) === 'ORTM') return 'a model in ONNX Runtime format; the original .onnx file is needed';
  if (/^\s*(<!doctype|<html|<\?xml)/i.test(text)) return 'a web page or XML';
  return null;
}

function notOnnx(path: string, what: string, cause?: unknown): CodedError {
  return new CodedError(
    {
      code: 'MODEL_NOT_ONNX',
      reason: `${path} ${what}.`,
      fix: 'Give the path of an .onnx file.',
      place: { file: path },
    },
    { cause },
  );
}
