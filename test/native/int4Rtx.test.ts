/**
 * The written INT4 graph against the real builder of TensorRT-RTX, which needs no GPU: what it takes is what
 * `plan/int4/` writes. Skipped with a message where the native module or the library is missing; in CI both must be there.
 */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tensorrtBackend } from '../../extension/backends/tensorrt';
import { completePlan } from '../../extension/contract/checkSchema';
import type { Precision } from '../../extension/contract/plan';
import type { Model } from '../../extension/model/model';
import type { NodeProto, TensorProto } from '../../extension/model/onnx.generated';
import { saveModel } from '../../extension/model/saveModel';
import { applyPlan } from '../../extension/plan/applyPlan';
import { platformOf } from '../../extension/plan/platforms';
import { prepareModel } from '../../extension/plan/prepareModel';
import { quantizedFormFaults } from '../support/quantizedForm';
import { buildModel, floats, node, value } from '../unit/model/buildModel';
import { noise, nodesOf, noPlan } from '../unit/plan/planModels';

const backend = tensorrtBackend('tensorrt-rtx');
const info = await backend.probe();
const required = process.env['CI'] === 'true';
if (!info.available && !required) console.warn(`Skipped: ${info.reason}`);

const { builder } = completePlan({ model: '' });
const width = 256;

class Net {
  readonly nodes: NodeProto[] = [];
  readonly constants: TensorProto[] = [];

  weight(name: string, dims: readonly number[]): string {
    const count = dims.reduce((product, size) => product * size, 1);
    const values = noise(count, this.constants.length + 1).map((v) => v / Math.sqrt(dims.at(-2) ?? 1));
    this.constants.push(floats(name, dims, values));
    return name;
  }

  op(opType: string, input: string[], output: string, attributes: Parameters<typeof node>[3] = {}): string {
    this.nodes.push(node(opType, input, [output], attributes));
    return output;
  }

  model(input: (number | string)[], outputs: string[] = ['y']): Model {
    return buildModel({
      nodes: this.nodes,
      inputs: [value('x', input)],
      outputs: outputs.map((name) => value(name, null)),
      initializers: this.constants,
      opset: 17,
    });
  }
}

/** One block of an encoder, its products as MatMul and Add. */
function encoder(): Model {
  const net = new Net();
  const linear = (name: string, input: string, from: number, to: number) =>
    net.op(
      'Add',
      [net.op('MatMul', [input, net.weight(`${name}_w`, [from, to])], `${name}_p`), net.weight(`${name}_b`, [to])],
      name,
    );
  const norm = (name: string, input: string) =>
    net.op('LayerNormalization', [input, net.weight(`${name}_s`, [width]), net.weight(`${name}_o`, [width])], name);
  const normed = norm('norm', 'x');
  const [q, k, v] = ['q', 'k', 'v'].map((name) => linear(name, normed, width, width)) as [string, string, string];
  const scores = net.op('MatMul', [q, net.op('Transpose', [k], 'kt', { perm: [0, 2, 1] })], 'scores');
  const mixed = net.op('MatMul', [net.op('Softmax', [scores], 'shares'), v], 'mixed');
  const attended = net.op('Add', ['x', linear('proj', mixed, width, width)], 'attended');
  const hidden = net.op('Relu', [linear('up', norm('norm2', attended), width, 4 * width)], 'hidden');
  net.op('Add', [attended, linear('down', hidden, 4 * width, width)], 'y');
  return net.model(['batch', 16, width]);
}

/** Gemms of every form, the last with an odd number of columns. */
function gemms(): Model {
  const net = new Net();
  const a = net.op('Gemm', ['x', net.weight('w1', [width, 192]), net.weight('b1', [192])], 'a');
  const b = net.op('Gemm', [a, net.weight('w2', [width, 192]), net.weight('b2', [width])], 'b', {
    transB: 1,
    alpha: { float: 0.5 },
  });
  const c = net.op('Gemm', [b, net.weight('w3', [width, 64])], 'c');
  net.op('Gemm', [c, net.weight('w4', [64, 65])], 'y');
  return net.model(['batch', width]);
}

/** One weight for two products side by side and one behind the other. */
function shared(): Model {
  const net = new Net();
  const w = net.weight('w', [width, width]);
  const left = net.op('Relu', [net.op('MatMul', ['x', w], 'p')], 'left');
  const right = net.op('Tanh', [net.op('MatMul', [net.op('Neg', ['x'], 'n'), w], 'q')], 'right');
  net.op('MatMul', [net.op('Mul', [left, right], 'm'), w], 'y');
  return net.model(['batch', width]);
}

/** Stacked matrices, one for each of three heads. */
function stacked(): Model {
  const net = new Net();
  net.op('MatMul', ['x', net.weight('w', [3, width, width])], 'y');
  return net.model([3, 'rows', width]);
}

describe.skipIf(!info.available && !required)('INT4 on TensorRT-RTX', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rtx-int4-'));
  });
  afterAll(async () => rm(folder, { recursive: true }));

  async function engineBytes(
    name: string,
    model: Model,
    precision: Precision,
    dims: readonly number[],
    target: string,
    int4Block = 128,
  ) {
    const prepared = prepareModel(model);
    const { model: written } = applyPlan(prepared, { precision, plan: noPlan, ranges: null, table: null, int4Block });
    if (precision === 'int4') expect(quantizedFormFaults(written, prepared)).toEqual([]);
    const onnx = join(folder, `${name}-${precision}-${int4Block}.onnx`);
    const engine = join(folder, `${name}-${precision}-${int4Block}-${target}.engine`);
    await saveModel(written, onnx);
    const [input] = written.proto.graph.input;
    const shapes = { [input!.name!]: { min: [...dims], opt: [...dims], max: [...dims] } };
    await backend.build({ onnx, precision, engine, target, builder, shapes }, {});
    return {
      engine: (await stat(engine)).size,
      onnx: (await stat(onnx)).size,
      packed: nodesOf(written, 'DequantizeLinear').length,
    };
  }

  const nets: [string, () => Model, number[], number][] = [
    ['an encoder block', encoder, [2, 16, width], 6],
    ['Gemms', gemms, [4, width], 3],
    ['shared weights', shared, [4, width], 3],
    ['stacked matrices', stacked, [3, 4, width], 1],
  ];

  test.each(nets)('builds %s in blocks of 128 and 64 for every target with INT4', async (name, net, dims, packed) => {
    for (const target of info.targets.filter((known) => known !== 'sm_75')) {
      for (const block of [128, 64]) {
        expect((await engineBytes(name, net(), 'int4', dims, target, block)).packed).toBe(packed);
      }
    }
  });

  test('Turing is refused in the words of the table of platforms', async () => {
    expect(platformOf('sm_75')?.precisions).not.toContain('int4');
    await expect(engineBytes('turing', shared(), 'int4', [4, width], 'sm_75')).rejects.toMatchObject({
      code: 'PRECISION_UNSUPPORTED',
      reason: expect.stringContaining('no INT4 hardware') as string,
    });
  });

  test('the engine of an encoder block keeps its weights packed', async () => {
    const fp16 = await engineBytes('kept', encoder(), 'fp16', [2, 16, width], 'sm_89');
    const int4 = await engineBytes('kept', encoder(), 'int4', [2, 16, width], 'sm_89');
    // 1.6 MB of FP16 weights; INT4 takes a quarter and a scale for 128 of them, beside kernels and the rest of the plan.
    expect(fp16.onnx - int4.onnx).toBeGreaterThan(1_100_000);
    expect(fp16.engine - int4.engine).toBeGreaterThan(900_000);
  });
});
