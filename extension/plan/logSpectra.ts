/**
 * The nodes that compute a spectrum of a graph input whose logarithm the model takes.
 *
 * A speech or music model often begins with its own front end: filters over the samples (STFT, constant-Q, mel), powers, a logarithm.
 * The filters cancel what is loud to leave what is quiet, with an error of the loud, and the logarithm makes that of the quiet a
 * large one: 11 bits hold 66 dB where such spectra span 80 and more. Front ends therefore compute in FP32 (the feature extractors of
 * Kaldi and Whisper do); they are a small part of the work. Told by their linearity: between a graph input and the logarithm lie no
 * activations. Used by `decidePrecisions.ts`.
 */
import type { GraphIndex } from '../model/graphIndex';
import type { GraphProto, NodeProto } from '../model/onnx.generated';
import { copyOperators } from './precisionRules';

const filters: ReadonlySet<string> = new Set(['Conv', 'MatMul', 'Gemm', 'DFT', 'STFT', 'MelWeightMatrix']);

/** Sums, powers and bounds; with the filters and the copies, all that a front end has. */
const arithmetic: ReadonlySet<string> = new Set(
  'Add Sub Mul Div Neg Abs Pow Sqrt Max Clip ReduceSum ReduceMean ReduceSumSquare ReduceL2 Cast'.split(' '),
);

/** @returns every node on a way from a graph input through a filter to a Log, those beside it that feed it included */
export function logSpectrumNodes({ node: nodes }: GraphProto, index: GraphIndex): ReadonlySet<NodeProto> {
  const found = new Set<NodeProto>();
  for (const node of nodes) {
    if (node.opType !== 'Log') continue;
    const front = frontEnd(node, index);
    for (const member of front ?? []) found.add(member);
  }
  return found;
}

/** What the input of a logarithm is computed by; null where that is not a front end. */
function frontEnd(log: NodeProto, index: GraphIndex): Set<NodeProto> | null {
  const members = new Set<NodeProto>();
  const open = [log.input[0] ?? ''];
  let isFiltered = false;
  let readsInput = false;
  for (let tensor = open.pop(); tensor !== undefined; tensor = open.pop()) {
    if (tensor === '' || index.initializer(tensor) !== undefined) continue;
    const maker = index.producer(tensor);
    if (maker === undefined) {
      readsInput ||= index.isGraphInput(tensor);
      continue;
    }
    if (members.has(maker)) continue;
    const opType = maker.opType ?? '';
    const moves = copyOperators.has(opType);
    if (filters.has(opType)) isFiltered = true;
    else if (!arithmetic.has(opType) && !moves) return null;
    members.add(maker);
    // Sizes and positions of a move are no part of the signal.
    open.push(...(moves && opType !== 'Concat' ? maker.input.slice(0, 1) : maker.input));
  }
  return isFiltered && readsInput ? members : null;
}
