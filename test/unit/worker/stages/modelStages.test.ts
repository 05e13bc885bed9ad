/** The stages between files: `inspect`, `prepare`, `write`; and `probe`. */
import { existsSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import { FakeBackend } from '../../../../extension/backends/fake';
import type { TensorRange, TensorRanges } from '../../../../extension/contract/calibrationTable';
import { completePlan } from '../../../../extension/contract/checkSchema';
import { loadModel } from '../../../../extension/model/loadModel';
import { knownVersions, runtimeVersions } from '../../../../extension/model/lowerVersions';
import { describeFile } from '../../../../extension/files/describeFile';
import { inspectStage } from '../../../../extension/worker/stages/inspectStage';
import { prepareStage } from '../../../../extension/worker/stages/prepareStage';
import { probeStage } from '../../../../extension/worker/stages/probeStage';
import { readRanges, writeRanges } from '../../../../extension/worker/stages/rangesFile';
import { writeStage } from '../../../../extension/worker/stages/writeStage';
import {
  buildModel,
  encodeModel,
  floats,
  node,
  reluModel,
  temporaryFolder,
  value,
  writeFile,
} from '../../model/buildModel';

/** y = Identity(x · w), w [4, 2]. */
function linearModel(folder: string): string {
  const model = buildModel({
    nodes: [node('MatMul', ['x', 'w'], ['p']), node('Identity', ['p'], ['y'])],
    inputs: [value('x', ['N', 4])],
    outputs: [value('y', ['N', 2])],
    initializers: [floats('w', [4, 2], [1, 2, 3, 4, 5, 6, 7, 8])],
  });
  return writeFile(folder, 'model.onnx', encodeModel(model));
}

const range = (dims: number[], limit: number): TensorRange => ({
  dtype: 'fp32',
  dims,
  min: -limit,
  max: limit,
  absMax: limit,
  nonFinite: 0,
});
const ranges: TensorRanges = {
  representative: true,
  samples: 4,
  tensors: new Map([
    ['x', range([1, 4], 1)],
    ['y', range([1, 2], 20)],
  ]),
};

describe('inspect', () => {
  it('counts operators, describes the model, and explains what each precision would do', async () => {
    const model = linearModel(temporaryFolder());
    const { card, operators, nodes } = await inspectStage({ model, explain: ['fp16', 'bf16'] });
    expect(operators).toEqual({ MatMul: 1, Identity: 1 });
    expect(card).toMatchObject({ opset: 17, nodes: 2, parameters: 8, ...(await describeFile(model)) });
    expect(nodes.map(({ variant, opType }) => [variant, opType])).toEqual([
      ['fp16', 'MatMul'],
      ['bf16', 'MatMul'],
    ]);
  });

  it('refuses a model that is not valid', async () => {
    const model = writeFile(temporaryFolder(), 'm.onnx', encodeModel(reluModel({ outputs: [] })));
    await expect(inspectStage({ model, explain: [] })).rejects.toMatchObject({ code: 'MODEL_INVALID' });
  });
});

describe('prepare', () => {
  it('writes the clean-up that all variants share', async () => {
    const folder = temporaryFolder();
    const output = path.join(folder, 'prepared.onnx');
    const plan = completePlan({ model: 'model.onnx' });
    const model = linearModel(folder);
    const referenceOutput = path.join(folder, 'reference.onnx');
    const { opset, reference } = await prepareStage({ model, plan, output, referenceOutput });
    expect(reference).toBe(model);
    expect(existsSync(referenceOutput)).toBe(false);
    const { proto } = await loadModel(output);
    expect(proto.graph.node.map(({ opType }) => opType)).toEqual(['MatMul']);
    expect(proto.graph.output.map(({ name }) => name)).toEqual(['y']);
    expect(proto.opsetImport[0]?.version).toBe(opset);
  });

  it('gives a model whose versions are ahead of the runtime a reference that is the same but for them', async () => {
    const folder = temporaryFolder();
    const model = writeFile(folder, 'model.onnx', encodeModel(reluModel(knownVersions)));
    const [output, referenceOutput] = [path.join(folder, 'prepared.onnx'), path.join(folder, 'reference.onnx')];
    const plan = completePlan({ model: 'model.onnx' });
    expect(await prepareStage({ model, plan, output, referenceOutput })).toMatchObject({
      opset: runtimeVersions.opset,
      reference: referenceOutput,
    });
    const { proto } = await loadModel(referenceOutput);
    expect(proto.irVersion).toBe(runtimeVersions.irVersion);
    expect(proto.opsetImport).toMatchObject([{ version: runtimeVersions.opset }]);
    expect(proto.graph).toEqual((await loadModel(model)).proto.graph);
  });
});

describe('write', () => {
  async function prepared() {
    const folder = temporaryFolder();
    const file = path.join(folder, 'prepared.onnx');
    const plan = completePlan({ model: 'model.onnx' });
    const referenceOutput = path.join(folder, 'reference.onnx');
    await prepareStage({ model: linearModel(folder), plan, output: file, referenceOutput });
    const rangesFile = path.join(folder, 'ranges.json');
    await writeRanges(ranges, rangesFile);
    return { folder, params: { prepared: file, ranges: rangesFile, table: null, plan } };
  }

  it('writes a variant, described as the file is', async () => {
    const { folder, params } = await prepared();
    const [output, simulatedOutput] = [path.join(folder, 'fp16.onnx'), path.join(folder, 'fp16.simulated.onnx')];
    const written = await writeStage({ ...params, precision: 'fp16', output, simulatedOutput });
    expect(written).toMatchObject({
      ...(await describeFile(output)),
      runnable: { name: 'fp16', path: output, simulated: false },
      // The CPU times the variant itself, but does not round between its nodes.
      evaluable: { name: 'fp16', path: simulatedOutput, simulated: true },
    });
    expect(existsSync(simulatedOutput)).toBe(true);
    const { proto } = await loadModel(output);
    expect(proto.graph.initializer.map(({ dataType }) => dataType)).toContain(10);
  });

  it('writes a simulation beside a variant that the CPU cannot run', async () => {
    const { folder, params } = await prepared();
    const [output, simulatedOutput] = [path.join(folder, 'bf16.onnx'), path.join(folder, 'bf16.simulated.onnx')];
    const { runnable, evaluable } = await writeStage({ ...params, precision: 'bf16', output, simulatedOutput });
    expect(evaluable).toEqual(runnable);
    expect(runnable).toEqual({ name: 'bf16', path: simulatedOutput, simulated: true });
    expect(readFileSync(simulatedOutput).equals(readFileSync(output))).toBe(false);
  });
});

it('ranges come back from their file', async () => {
  const file = path.join(temporaryFolder(), 'ranges.json');
  await writeRanges(ranges, file);
  expect(await readRanges(file)).toEqual(ranges);
});

it('probe asks every backend once, and again only when told to', async () => {
  const backend = new FakeBackend();
  const first = await probeStage({ fresh: true }, [backend]);
  expect(await probeStage({ fresh: false }, [backend])).toBe(first);
  expect(backend.steps).toEqual(['probe']);
  await probeStage({ fresh: true }, [backend]);
  expect(backend.steps).toEqual(['probe', 'probe']);
  expect(first.host.backends).toEqual([{ name: 'fake', version: '0', library: null }]);
});
