/**
 * Layer normalizations, spelled out in single operators, that FP16 holds with room to spare on the user's data.
 *
 * `normalizationChains.ts` keeps all such chains in FP32, because squares overflow or vanish and a mean far from zero takes the
 * digits of what is centred on it. Where observed ranges rule that out, the island and its two casts buy nothing: of a text
 * recognizer with five such chains, the FP16 file of another converter, which differs in little else, took 0.953 of the time of
 * ours on an H200 and had 43.4 dB against 43.1 (docs/measurements/h200-trt10.6, rec-batch32-peers). Ranges of random inputs rule
 * out nothing, and BF16 has too few digits.
 */
import type { TensorRange, TensorRanges } from '../contract/calibrationTable';
import { elementCount } from '../contract/tensor';
import type { GraphIndex } from '../model/graphIndex';
import type { GraphProto, NodeProto } from '../model/onnx.generated';
import type { Constants } from './constants';
import { isSquare } from './normalizationChains';
import * as rules from './precisionRules';

/**
 * Smallest variance at which an epsilon that FP16 rounds by up to 2^-25 changes the root by less than its own rounding; unseen
 * data may fall short of it by the headroom and still be a normal number.
 */
const smallestVariance = 2 ** -10;
/** Largest mean in standard deviations: rounded to 11 bits, it then shifts what is centred by less than 1/256 of a deviation. */
const largestMean = 8;

/** The tensors of `(x − mean(x)) / sqrt(mean((x − mean(x))²) + ε)`. */
interface Chain {
  readonly input: string;
  readonly mean: string;
  readonly square: string;
  readonly variance: string;
  readonly nodes: readonly NodeProto[];
}

/** @returns the nodes of those chains, from the mean to the division; none without representative ranges */
export function halfNormalizations(
  graph: GraphProto,
  index: GraphIndex,
  constants: Constants,
  ranges: TensorRanges | null,
): Set<NodeProto> {
  if (ranges === null || !ranges.representative) return new Set();
  const chains = graph.node.flatMap((node) => (node.opType === 'Sqrt' ? chainOf(node, index, constants) : []));
  return new Set(chains.flatMap((chain) => (isSafe(chain, ranges) ? chain.nodes : [])));
}

/** The chain of a root, or nothing where the nodes around it are of another form. */
function chainOf(root: NodeProto, index: GraphIndex, constants: Constants): Chain[] {
  const producer = (name: string | undefined) => (name === undefined ? undefined : index.producer(name));
  const sum = producer(root.input[0]);
  const [variance] = sum?.opType === 'Add' ? sum.input.filter((name) => constants.scalar(name) === undefined) : [];
  const average = producer(variance);
  const square = producer(average?.input[0]);
  const centred = producer(square?.input[0]);
  const mean = producer(centred?.input[1]);
  if (sum === undefined || average?.opType !== 'ReduceMean' || square === undefined) return [];
  if (!isSquare(square, constants) || centred?.opType !== 'Sub' || mean?.opType !== 'ReduceMean') return [];
  if (mean.input[0] !== centred.input[0]) return [];
  const divisions = root.output.flatMap((name) => index.consumers(name).map((use) => use.node));
  if (!divisions.every((node) => node.opType === 'Div' && root.output.includes(node.input[1] ?? ''))) return [];
  return [
    {
      input: mean.input[0] ?? '',
      mean: mean.output[0] ?? '',
      square: square.output[0] ?? '',
      variance: average.output[0] ?? '',
      nodes: [mean, centred, square, average, sum, root, ...divisions],
    },
  ];
}

function isSafe(chain: Chain, { tensors }: TensorRanges): boolean {
  const [input, mean, square, variance] = [chain.input, chain.mean, chain.square, chain.variance].map((name) =>
    tensors.get(name),
  );
  if (input === undefined || mean?.absMax == null || square?.absMax == null) return false;
  if (variance?.min == null || variance.absMax === null) return false;
  // TensorRT adds up in FP32; a runtime that adds up in the tensor's type must not overflow either.
  const sums = [sumOf(input, mean), sumOf(square, variance)];
  return (
    square.absMax <= rules.fp16Max / rules.fp16Headroom.representative &&
    sums.every((sum) => sum <= rules.fp16Max) &&
    variance.min >= smallestVariance &&
    mean.absMax <= largestMean * Math.sqrt(variance.min)
  );
}

/** The largest sum behind a mean. */
function sumOf(input: TensorRange, mean: TensorRange): number {
  return (elementCount(input.dims) / Math.max(1, elementCount(mean.dims))) * (mean.absMax ?? Infinity);
}
