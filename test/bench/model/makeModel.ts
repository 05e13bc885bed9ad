/** Writes the model that `run.mjs` measures with: a chain of additions with 100 embedded weights of 8 MiB each. */
import { randomFillSync } from 'node:crypto';
import {
  newGraph,
  newModel,
  newNode,
  newOperatorSetId,
  newTensor,
  newTensorShape,
  newTensorShapeDimension,
  newType,
  newTypeTensor,
  newValueInfo,
} from '../../../extension/model/onnx.generated';
import { saveModel } from '../../../extension/model/saveModel';

const count = 100;
const dims = [1024, 2048];
const bytes = 4 * 1024 * 2048;
// Windows on one random block: all tensors differ, and making them takes no time.
const block = randomFillSync(new Uint8Array(2 * bytes));

function floatValue(name: string) {
  const dim = dims.map((size) => newTensorShapeDimension({ dimValue: size }));
  return newValueInfo({
    name,
    type: newType({ tensorType: newTypeTensor({ elemType: 1, shape: newTensorShape({ dim }) }) }),
  });
}

const graph = newGraph({
  name: 'chain',
  node: Array.from({ length: count }, (_, i) =>
    newNode({ name: `add${i}`, opType: 'Add', input: [i === 0 ? 'x' : `t${i - 1}`, `w${i}`], output: [`t${i}`] }),
  ),
  initializer: Array.from({ length: count }, (_, i) => {
    const start = i * 4096 * 16;
    return newTensor({ name: `w${i}`, dims, dataType: 1, rawData: block.subarray(start, start + bytes) });
  }),
  input: [floatValue('x')],
  output: [floatValue(`t${count - 1}`)],
});
const opsetImport = [newOperatorSetId({ domain: '', version: 17 })];
void saveModel({ proto: { ...newModel({ irVersion: 8, opsetImport }), graph }, path: '' }, process.argv[2] ?? '');
