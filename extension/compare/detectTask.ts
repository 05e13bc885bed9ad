/**
 * Which task a model's outputs serve, so that accuracy can be told in the user's terms and not only in decibels.
 *
 * Runs once, on the first fp32 batch, before `comparison.ts`. The rules, in order; the first that holds wins:
 *
 * 1. `ctc`: a float output of rank 3 holding [batch, time, classes] (or [time, batch, classes]) whose class axis fits the
 *    `character` list in the model's metadata, or whose labels are texts. Without a list the texts cannot be spelled, and
 *    only agreement with fp32 is known.
 * 2. `classification` by scores: a float output [batch, C], C ≥ 2, trailing axes of size 1 allowed, first in graph order.
 *    Labels that are no class numbers are an error of the comparison. Unit-length rows with a negative element are an embedding, not scores.
 * 3. `classification` by index: an integer output [batch] or [batch, 1] with class-number labels (a graph that ends in
 *    ArgMax).
 *
 * All else (detections, segmentation, regression, audio) has no task: tensor metrics alone speak. Guessing a metric for
 * them would print a number that means something else.
 */
import type { NamedTensors, Tensor, ValueSpec } from '../contract/tensor';
import { ctcAlphabet } from './ctcDecoding';
import { elementValues } from './elementValues';

/** A class number, a text, or null without a label. */
export type Label = number | string | null;

export interface ClassificationTask {
  readonly kind: 'classification';
  readonly output: string;
  /** Size of the class axis, or null when the output holds the class number itself. */
  readonly classes: number | null;
}

export interface CtcTask {
  readonly kind: 'ctc';
  readonly output: string;
  readonly classes: number;
  readonly timeMajor: boolean;
  /** Text of each class, the blank first; null when the model does not carry its alphabet. */
  readonly alphabet: readonly string[] | null;
}

export type Task = ClassificationTask | CtcTask;

const floatTypes: ReadonlySet<string> = new Set(['fp32', 'fp64', 'fp16', 'bf16']);
const integerTypes: ReadonlySet<string> = new Set([
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
]);

function withoutTrailingOnes(dims: readonly number[]): readonly number[] {
  let rank = dims.length;
  while (rank > 2 && dims[rank - 1] === 1) rank--;
  return dims.slice(0, rank);
}

function ctcTask(name: string, tensor: Tensor, rows: number, texts: boolean, character: string | null): CtcTask | null {
  if (!floatTypes.has(tensor.dtype) || tensor.dims.length !== 3) return null;
  const [first = 0, second = 0, classes = 0] = tensor.dims;
  const timeMajor = first !== rows;
  if (classes < 2 || (timeMajor && second !== rows)) return null;
  const alphabet = character === null ? null : ctcAlphabet(character, classes);
  if (alphabet === null && !texts) return null;
  return { kind: 'ctc', output: name, classes, timeMajor, alphabet };
}

/** Rows of length 1 that go below zero are directions, not class scores. */
function looksLikeEmbedding(tensor: Tensor, rows: number, classes: number): boolean {
  const values = elementValues(tensor);
  if (values === null) return false;
  for (let row = 0; row < rows; row++) {
    let power = 0;
    let negative = false;
    for (let i = row * classes; i < (row + 1) * classes; i++) {
      const value = values[i] ?? 0;
      power += value * value;
      negative ||= value < 0;
    }
    if (!negative || Math.abs(power - 1) > 1e-2) return false;
  }
  return true;
}

function scoresTask(name: string, tensor: Tensor, rows: number): ClassificationTask | null {
  const dims = withoutTrailingOnes(tensor.dims);
  const classes = dims[1] ?? 0;
  if (!floatTypes.has(tensor.dtype) || dims.length !== 2 || dims[0] !== rows || classes < 2) return null;
  return looksLikeEmbedding(tensor, rows, classes) ? null : { kind: 'classification', output: name, classes };
}

function indexTask(name: string, tensor: Tensor, rows: number): ClassificationTask | null {
  const { dims } = tensor;
  const oneEach = dims[0] === rows && (dims.length === 1 || (dims.length === 2 && dims[1] === 1));
  return integerTypes.has(tensor.dtype) && oneEach ? { kind: 'classification', output: name, classes: null } : null;
}

/**
 * @param outputs the graph outputs, in graph order
 * @param sample fp32 outputs of one batch
 * @param labels the labels of that batch, one for each row fed (so their number is the batch size)
 * @param metadata the model's metadata properties
 */
export function detectTask(
  outputs: readonly ValueSpec[],
  sample: NamedTensors,
  labels: readonly Label[],
  metadata: Readonly<Record<string, string>>,
): Task | null {
  const rows = labels.length;
  const texts = labels.some((label) => typeof label === 'string');
  const numbers = labels.some((label) => typeof label === 'number');
  const tensors = outputs.flatMap(({ name }): [string, Tensor][] => {
    const tensor = sample[name];
    return tensor === undefined ? [] : [[name, tensor]];
  });
  const first = <T>(rule: (name: string, tensor: Tensor) => T | null): T | null => {
    for (const [name, tensor] of tensors) {
      const task = rule(name, tensor);
      if (task !== null) return task;
    }
    return null;
  };
  const ctc = first((name, tensor) => ctcTask(name, tensor, rows, texts, metadata['character'] ?? null));
  return (
    ctc ??
    first((name, tensor) => scoresTask(name, tensor, rows)) ??
    (numbers ? first((name, tensor) => indexTask(name, tensor, rows)) : null)
  );
}
