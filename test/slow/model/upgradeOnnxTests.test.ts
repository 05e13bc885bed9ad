/**
 * The opset upgrade against the node tests that old releases of the onnx package carry, with inputs and outputs.
 *
 * Extra: set PRECISION_BENCH_ONNX_TESTS to folders like `onnx/backend/test/data` of unpacked wheels, separated by the
 * path delimiter of the system. Results of a run are in docs/measurements/opset-upgrade.md.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { InferenceSession, Tensor as RuntimeTensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { CodedError } from '../../../extension/contract/errors';
import type { DType } from '../../../extension/contract/tensor';
import { arraySource } from '../../../extension/model/byteSource';
import { cloneModel } from '../../../extension/model/cloneModel';
import { loadModel, type Model } from '../../../extension/model/loadModel';
import { opsetVersion } from '../../../extension/model/model';
import { graphInputs } from '../../../extension/model/modelCard';
import { type TensorProto, tensorProtoSchema } from '../../../extension/model/onnx.generated';
import { readTensor } from '../../../extension/model/tensorValues';
import { upgradeOpset } from '../../../extension/model/upgradeOpset';
import { decodeMessage } from '../../../extension/model/wireReader';
import { encodeModel } from '../../unit/model/buildModel';

const folders = (process.env['PRECISION_BENCH_ONNX_TESTS'] ?? '').split(delimiter).filter((folder) => folder !== '');
const targets = [17, 19, 22, 23];

const runtimeTypes: Partial<Record<DType, RuntimeTensor.Type>> = {
  fp32: 'float32',
  fp64: 'float64',
  fp16: 'float16',
  int8: 'int8',
  uint8: 'uint8',
  int16: 'int16',
  uint16: 'uint16',
  int32: 'int32',
  uint32: 'uint32',
  int64: 'int64',
  uint64: 'uint64',
  bool: 'bool',
};

describe.skipIf(folders.length === 0)("onnx's own node tests (needs PRECISION_BENCH_ONNX_TESTS)", () => {
  it.each(folders)('%s', { timeout: 600_000 }, async (folder) => {
    const counts = { models: 0, same: 0, refused: 0, noKernel: 0 };
    const wrong: string[] = [];
    for (const test of modelFolders(folder)) {
      const subject = await runnable(test);
      if (subject === null) continue;
      counts.models += 1;
      for (const target of targets) {
        if (opsetVersion(subject.model.proto) >= target) continue;
        const outcome = await upgradeAndRun(subject, target);
        if (outcome === 'different') wrong.push(`${test} at ${target}`);
        else counts[outcome] += 1;
      }
    }
    console.log(folder, counts);
    expect(wrong).toEqual([]);
    expect(counts.same).toBeGreaterThan(100);
  });
});

interface Subject {
  readonly model: Model;
  readonly feeds: Record<string, RuntimeTensor>;
  readonly expected: InferenceSession.ReturnType;
}

function modelFolders(folder: string): string[] {
  return (
    readdirSync(folder)
      .flatMap((suite) => readdirSync(join(folder, suite)).map((name) => join(folder, suite, name)))
      .filter((test) => existsSync(join(test, 'test_data_set_0', 'input_0.pb')))
      // The runtime's binding for Node.js aborts the process on outputs of 4 bits.
      .filter((test) => !/U?INT4/i.test(test))
  );
}

/** The test with what its model computes as it stands, or null where the runtime cannot run it. */
async function runnable(test: string): Promise<Subject | null> {
  const model = await loadModel(join(test, 'model.onnx'));
  if (opsetVersion(model.proto) < 7) return null;
  try {
    const feeds = Object.fromEntries(
      graphInputs(model).map((input, i) => {
        const bytes = readFileSync(join(test, 'test_data_set_0', `input_${i}.pb`));
        const { dtype, dims, data } = readTensor(
          decodeMessage<TensorProto>(arraySource(bytes), tensorProtoSchema),
          model,
        );
        return [input.name, new RuntimeTensor(runtimeTypes[dtype] ?? 'string', data as Float32Array, dims)];
      }),
    );
    return { model, feeds, expected: await runOnce(encodeModel(model), feeds) };
  } catch {
    return null;
  }
}

async function upgradeAndRun(subject: Subject, target: number): Promise<'same' | 'refused' | 'noKernel' | 'different'> {
  const upgraded = cloneModel(subject.model);
  try {
    upgradeOpset(upgraded, target);
  } catch (error) {
    if (CodedError.is(error, 'MODEL_OPSET_UPGRADE')) return 'refused';
    throw error;
  }
  try {
    const got = await runOnce(encodeModel(upgraded), subject.feeds);
    return Object.entries(subject.expected).every(([name, tensor]) => isSame(tensor, got[name])) ? 'same' : 'different';
  } catch (error) {
    return /Could not find an implementation/.test(String(error)) ? 'noKernel' : 'different';
  }
}

async function runOnce(model: Uint8Array, feeds: Record<string, RuntimeTensor>): Promise<InferenceSession.ReturnType> {
  const session = await InferenceSession.create(model, { graphOptimizationLevel: 'disabled', logSeverityLevel: 4 });
  try {
    return await session.run(feeds);
  } finally {
    await session.release();
  }
}

function isSame(a: RuntimeTensor, b: RuntimeTensor | undefined): boolean {
  if (b === undefined || a.type !== b.type || a.dims.join() !== b.dims.join()) return false;
  const [one, other] = [a.data as ArrayLike<number>, b.data as ArrayLike<number>];
  return Array.from(one).every((number, i) => {
    if (Object.is(number, other[i])) return true;
    return Math.abs(Number(number) - Number(other[i])) <= 1e-6 * Math.max(1, Math.abs(Number(number)));
  });
}
