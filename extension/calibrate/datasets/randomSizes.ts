/**
 * Sizes of made-up inputs: what the model fixes, what the plan says, and guesses for the axes that both leave open.
 *
 * Some models run at few sizes only (a recognizer wants lines 48 high, a voice detector windows of 512 samples) without
 * declaring them, so there are several guesses, the likeliest first; `worker/stages/runnableSizes.ts` takes the first that
 * the model runs with. Comes before `randomSource.ts`.
 */
import type { Plan } from '../../contract/plan';
import type { ValueSpec } from '../../contract/tensor';
import { asImageInput, staticSize } from '../transforms/imageInput';

/** Dims of every input, a batch of one. */
export type InputSizes = Readonly<Record<string, readonly number[]>>;

interface Guess {
  readonly height: number;
  readonly width: number;
  /** Tokens, frames or samples. */
  readonly sequence: number;
}

const guesses: readonly Guess[] = [
  { height: 224, width: 224, sequence: 32 },
  { height: 48, width: 320, sequence: 512 },
  { height: 32, width: 320, sequence: 128 },
  { height: 640, width: 640, sequence: 1024 },
  { height: 512, width: 512, sequence: 8 },
  { height: 256, width: 256, sequence: 1 },
];
/** Only for vectors of floats: half a second or more of sound. Attention over as many tokens would not fit in memory. */
const soundGuess: Guess = { height: 64, width: 64, sequence: 16000 };
/** A picture at most this high is a line of text. */
const lineHeight = 64;
const lineWidth = 320;

/** @returns one or more sizes of all inputs, without repetition, the likeliest first; one symbol has one size in all */
export function guessSizes(inputs: readonly ValueSpec[], shapes: Plan['shapes'] = {}): InputSizes[] {
  const all = inputs.every(isSound) ? [...guesses, soundGuess] : guesses;
  const batches = batchSymbols(inputs);
  const sizes = all.map((guess) => sizesFor(inputs, shapes, guess, batches));
  const distinct = new Map(sizes.map((candidate) => [JSON.stringify(candidate), candidate]));
  return [...distinct.values()];
}

const isSound = ({ dtype, shape }: ValueSpec): boolean => /^(fp|bf)/.test(dtype) && (shape?.length ?? 0) <= 3;

/** What the first axis of any input is called: it is the batch wherever else it stands, as in a recurrent state. */
function batchSymbols(inputs: readonly ValueSpec[]): Set<string> {
  const symbols = inputs.flatMap(({ shape }) => (isSymbol(shape?.[0]) ? [shape[0]] : []));
  return new Set(symbols);
}

function isSymbol(size: number | string | null | undefined): size is string {
  return typeof size === 'string' && size !== '' && size !== '?';
}

function sizesFor(
  inputs: readonly ValueSpec[],
  shapes: Plan['shapes'],
  guess: Guess,
  batches: ReadonlySet<string>,
): InputSizes {
  const symbols = new Map<string, number>([...batches].map((symbol) => [symbol, 1]));
  for (const input of inputs) {
    for (const [axis, size] of (input.shape ?? []).entries()) {
      const wanted = axis === 0 ? undefined : shapes[input.name]?.opt[axis];
      if (isSymbol(size) && wanted !== undefined) symbols.set(size, wanted);
    }
  }
  const sizeOf = (input: ValueSpec, size: number | string | null, axis: number): number => {
    const fixed = staticSize(size);
    if (fixed !== null) return fixed;
    if (axis === 0) return 1;
    const known = shapes[input.name]?.opt[axis] ?? (isSymbol(size) ? symbols.get(size) : undefined);
    const chosen = known ?? guessFor(input, axis, guess);
    if (isSymbol(size)) symbols.set(size, chosen);
    return chosen;
  };
  return Object.fromEntries(
    inputs.map((input) => [input.name, (input.shape ?? []).map((size, axis) => sizeOf(input, size, axis))]),
  );
}

function guessFor(input: ValueSpec, axis: number, guess: Guess): number {
  const image = input.shape?.length === 4 ? asImageInput(input) : null;
  if (image === null) return guess.sequence;
  const [height, width] = image.layout === 'nhwc' ? [1, 2] : [2, 3];
  if (axis === height) return guess.height;
  if (axis !== width) return 3;
  return image.height !== null && image.height <= lineHeight ? lineWidth : guess.width;
}
