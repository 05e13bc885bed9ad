/**
 * One of ONNX's own single-operator tests: is it about floats, does FP32 run, and do its rewritten graphs agree?
 * `singleOps.ts` goes over all of them.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CodedError } from '../../extension/contract/errors';
import type { NamedTensors, Tensor } from '../../extension/contract/tensor';
import { fileSource } from '../../extension/model/byteSource';
import { walkGraphs } from '../../extension/model/graphIndex';
import { loadModel } from '../../extension/model/loadModel';
import { opsetVersion, type Model } from '../../extension/model/model';
import { tensorProtoSchema, type TensorProto } from '../../extension/model/onnx.generated';
import { readTensor } from '../../extension/model/tensorValues';
import { decodeMessage } from '../../extension/model/wireReader';
import { inferTypes, type TensorTypes } from '../../extension/plan/inferTypes';
import { checkRewrites, runOnce, type VariantOutcome } from './checkRewrites';
import { compareOutputs } from './compareOutputs';

export interface CaseOutcome {
  readonly name: string;
  readonly operators: readonly string[];
  readonly opset: number;
  readonly status: 'passed' | 'refused' | 'skipped' | 'failed';
  /** Of the first variant that did not pass, or why the case was skipped. */
  readonly reason: string | null;
  readonly variants: readonly VariantOutcome[];
}

const plan = { keep: [], bindings: {} };

/** @param folder holds `model.onnx` and `test_data_set_0/` */
export async function singleOpCase(name: string, folder: string, output: string): Promise<CaseOutcome> {
  const path = join(folder, 'model.onnx');
  let model: Model;
  try {
    model = await loadModel(path);
  } catch (error) {
    return { name, operators: [], opset: 0, ...failure(error) };
  }
  const known = { name, operators: operatorsOf(model), opset: opsetVersion(model.proto) };
  if (!hasFloats(model)) return { ...known, ...skipped('no float32 tensor') };
  const values = join(folder, 'test_data_set_0');
  const feeds = readFeeds(model, values);
  if (feeds === null) return { ...known, ...skipped('an input is not a tensor of numbers') };
  let expected: NamedTensors;
  try {
    expected = await runOnce(path, feeds);
    const again = await runOnce(path, feeds);
    if (!identical(expected, again)) return { ...known, ...skipped('the operator is random') };
  } catch (error) {
    return { ...known, ...skipped(`ONNX Runtime does not run it: ${CodedError.from(error).code}`) };
  }
  const disagreement = againstReference(expected, values);
  if (disagreement !== null) return { ...known, ...skipped(`ONNX Runtime's FP32 result differs from ONNX's own`) };
  return { ...known, ...summary(await checkRewrites({ path, feeds, expected, folder: output, plan })) };
}

/** The worst status of the variants, and its reason. */
export function summary(variants: readonly VariantOutcome[]): Pick<CaseOutcome, 'status' | 'reason' | 'variants'> {
  const first =
    variants.find(({ status }) => status === 'failed') ?? variants.find(({ status }) => status === 'refused');
  if (first === undefined) return { status: 'passed', reason: null, variants };
  return { status: first.status, reason: `${first.variant}: ${first.reason}`, variants };
}

function skipped(reason: string) {
  return { status: 'skipped', reason, variants: [] } as const;
}

function failure(error: unknown) {
  return { status: 'failed', reason: `load: ${CodedError.from(error).reason}`, variants: [] } as const;
}

function operatorsOf(model: Model): string[] {
  const names = [...walkGraphs(model.proto.graph)].flatMap((graph) => graph.node.map(({ opType }) => opType ?? ''));
  return [...new Set(names)].sort();
}

/** A float32 tensor anywhere: in the outer graph or a body. */
function hasFloats(model: Model): boolean {
  const opset = opsetVersion(model.proto);
  const within = (graph: Model['proto']['graph'], outer?: TensorTypes): boolean => {
    const types = inferTypes(graph, opset, outer);
    if ([...types.values()].includes('fp32')) return true;
    return graph.node.some((node) => node.attribute.some(({ g }) => g !== undefined && within(g, types)));
  };
  return within(model.proto.graph);
}

/** Null when an input is a sequence, a map or text. */
function readFeeds(model: Model, folder: string): NamedTensors | null {
  const { graph } = model.proto;
  const constants = new Set(graph.initializer.map(({ name }) => name));
  const feeds: Record<string, Tensor> = {};
  const open = graph.input.filter(({ name }) => !constants.has(name));
  for (const [index, input] of open.entries()) {
    const tensor = readValue(join(folder, `input_${index}.pb`));
    if (tensor === null) return null;
    feeds[input.name ?? ''] = tensor;
  }
  return feeds;
}

function readValue(file: string): Tensor | null {
  if (!existsSync(file)) return null;
  const source = fileSource(file);
  try {
    return readTensor(decodeMessage<TensorProto>(source, tensorProtoSchema), { path: file });
  } catch {
    return null;
  } finally {
    source.close();
  }
}

/** ONNX Runtime's outputs against those that come with the test, by ONNX's own tolerance (rtol 1e-3) and a little room. */
function againstReference(outputs: NamedTensors, folder: string): string | null {
  const expected: Record<string, Tensor> = {};
  Object.keys(outputs).forEach((name, index) => {
    const tensor = readValue(join(folder, `output_${index}.pb`));
    if (tensor !== null) expected[name] = tensor;
  });
  const rounding = { epsilon: 1e-3, smallest: 1e-6 };
  return compareOutputs({ expected, actual: outputs, rounding, nodes: 0, moved: [] }).differences[0]?.what ?? null;
}

function identical(first: NamedTensors, second: NamedTensors): boolean {
  return Object.entries(first).every(([name, { data }]) => {
    const other = second[name]?.data;
    return (
      other?.length === data.length && data.every((value: number | bigint, i: number) => Object.is(value, other[i]))
    );
  });
}
