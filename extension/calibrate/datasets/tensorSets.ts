/**
 * ONNX's own test data: folders `test_data_set_N`, each one sample, with `input_0.pb`, `input_1.pb` … in the order of
 * the graph inputs. Outputs beside them are not read.
 */
import { basename, join } from 'node:path';
import { CodedError } from '../../contract/errors';
import type { Tensor } from '../../contract/tensor';
import { fileSource } from '../../model/byteSource';
import { tensorProtoSchema, type TensorProto } from '../../model/onnx.generated';
import { readTensor } from '../../model/tensorValues';
import { decodeMessage } from '../../model/wireReader';
import { UnreadableSample } from '../dataset';
import { hashFiles } from './hashFiles';
import { listFolder } from './listFiles';
import type { SampleSource } from './sampleSource';

const setName = /^test_data_set_(\d+)$/;
const inputName = /^input_(\d+)\.pb$/;

/** Numbered names in the order of their numbers: 2 before 10. */
function numbered(names: readonly string[], pattern: RegExp): string[] {
  const number = (name: string) => Number(pattern.exec(name)?.[1]);
  return names.filter((name) => pattern.test(name)).sort((a, b) => number(a) - number(b));
}

/** The sets in a folder, or the folder itself when it is one; empty when there are none. */
export async function findTensorSets(folder: string): Promise<string[]> {
  const { files, folders } = await listFolder(folder);
  if (files.some((name) => inputName.test(name))) return [folder];
  return numbered(folders, setName).map((name) => join(folder, name));
}

function readTensorFile(file: string): Tensor {
  const source = fileSource(file);
  try {
    return readTensor(decodeMessage<TensorProto>(source, tensorProtoSchema), { path: file });
  } catch (error) {
    const why = CodedError.is(error) ? error.reason : (error as Error).message;
    throw new UnreadableSample(
      {
        code: 'DATA_UNREADABLE',
        reason: `${file} is not a readable ONNX tensor: ${why}.`,
        fix: 'Write it again with onnx.numpy_helper.from_array(…).SerializeToString().',
        place: { file },
      },
      { cause: error },
    );
  } finally {
    source.close();
  }
}

export async function openTensorSets(sets: readonly string[], root: string): Promise<SampleSource> {
  const inputsOf = async (set: string) => {
    const { files } = await listFolder(set);
    return numbered(files, inputName).map((name) => join(set, name));
  };
  const at = (index: number): string => {
    const set = sets[index];
    if (set === undefined) throw new RangeError(`sample ${index} of ${sets.length}`);
    return set;
  };
  return Promise.resolve({
    kind: 'tensors',
    length: sets.length,
    labelled: false,
    classes: null,
    describe: (index) => ({ id: basename(at(index)), label: null, file: join(at(index), 'input_0.pb') }),
    async read(index) {
      const files = await inputsOf(at(index));
      return { id: basename(at(index)), label: null, values: files.map(readTensorFile) };
    },
    sha256: async () => hashFiles((await Promise.all(sets.map(inputsOf))).flat(), root),
    close: () => Promise.resolve(),
  });
}
