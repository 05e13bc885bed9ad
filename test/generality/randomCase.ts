/** One random graph: runs it, and everything that is rewritten from it, and says what came of it. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { NamedTensors } from '../../extension/contract/tensor';
import { saveModel } from '../../extension/model/saveModel';
import { checkRewrites, runOnce } from './checkRewrites';
import { randomGraph, type RandomGraph } from './randomGraph';
import { RandomNumbers } from './randomNumbers';
import { summary, type CaseOutcome } from './singleOpCase';

export interface RandomOutcome extends CaseOutcome {
  readonly blocks: readonly string[];
  /** Blocks of the smallest prefix of the graph that still fails; null unless it failed. */
  readonly smallest: readonly string[] | null;
}

/** @param output a folder for the graphs; emptied first */
export async function randomCase(seed: number, output: string): Promise<RandomOutcome> {
  const outcome = await attempt(seed, output, Infinity);
  if (outcome.status !== 'failed') return outcome;
  for (let limit = 0; limit < outcome.blocks.length; limit++) {
    const shorter = await attempt(seed, output, limit);
    if (shorter.status === 'failed')
      return { ...outcome, reason: `${outcome.reason} — smallest: ${shorter.reason}`, smallest: shorter.blocks };
  }
  return { ...(await attempt(seed, output, Infinity)), smallest: outcome.blocks };
}

async function attempt(seed: number, folder: string, limit: number): Promise<RandomOutcome> {
  const graph = randomGraph(seed, limit);
  const known = {
    name: `seed ${seed}`,
    operators: [...new Set(graph.model.proto.graph.node.map(({ opType }) => opType ?? ''))].sort(),
    opset: graph.model.proto.opsetImport[0]?.version ?? 0,
    blocks: graph.blocks,
    smallest: null,
  };
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const path = join(folder, 'original.onnx');
  await saveModel(graph.model, path);
  let expected: NamedTensors;
  try {
    expected = await runOnce(path, graph.feeds);
  } catch (error) {
    return { ...known, status: 'failed', reason: `the generated graph does not run: ${String(error)}`, variants: [] };
  }
  const request = {
    path,
    feeds: graph.feeds,
    expected,
    folder,
    plan: randomPlan(seed, graph),
    judge: 'signal',
  } as const;
  const random = new RandomNumbers(seed + 1_000_000);
  const rest = random.pick(['fp16', 'fp16', 'fp32', 'bf16'] as const);
  const weightStorage = random.pick(['auto', 'quantized', 'float'] as const);
  const observeInside = random.chance(0.5);
  return { ...known, ...summary(await checkRewrites({ ...request, rest, weightStorage, observeInside })) };
}

/** Types of some inputs and outputs, and some nodes kept in FP32 or FP16; a user who forces FP16 on what exceeds it gets infinity. */
function randomPlan(seed: number, { model, feeds, blocks }: RandomGraph) {
  const random = new RandomNumbers(seed + 2_000_000);
  const { graph } = model.proto;
  const bindings: Record<string, 'fp16' | 'fp32'> = {};
  const bindable = [...Object.keys(feeds), ...graph.output.map(({ name }) => name ?? '')];
  for (const name of bindable) if (random.chance(0.15)) bindings[name] = random.pick(['fp16', 'fp32']);
  const keep = [];
  const operators = graph.node.map(({ opType }) => opType ?? '');
  if (random.chance(0.2))
    keep.push({
      match: `OP:${random.pick(operators)}`,
      precision: blocks.includes('extremeScale') ? ('fp32' as const) : random.pick(['fp32', 'fp16', 'fp32'] as const),
    });
  const named = graph.node.flatMap(({ name }) => (name === undefined ? [] : [name]));
  if (random.chance(0.1) && named.length > 0) keep.push({ match: random.pick(named), precision: 'fp32' as const });
  return { keep, bindings };
}
