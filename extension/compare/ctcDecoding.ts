/**
 * Greedy decoding of connectionist temporal classification (CTC) outputs: argmax per step, repeats merged, blanks dropped.
 *
 * Used by `taskMetrics.ts` for text recognizers. Source: A. Graves et al., "Connectionist temporal classification", ICML
 * 2006, best-path decoding. Class 0 is the blank, as in PaddleOCR and PyTorch.
 */
import type { Elements } from './elementValues';

/** Where the steps of one sample lie in the output. */
export interface SequenceView {
  readonly offset: number;
  readonly steps: number;
  /** Elements between two steps: `classes`, times the batch where time is the first axis. */
  readonly stride: number;
  readonly classes: number;
}

/** The first index of the largest value, as numpy's argmax; -1 when a value is NaN, which no answer may hide. */
export function argmax(values: Elements, start: number, length: number): number {
  let best = 0;
  let largest = values[start] as number;
  if (Number.isNaN(largest)) return -1;
  for (let i = 1; i < length; i++) {
    const value = values[start + i] as number;
    if (value > largest) {
      best = i;
      largest = value;
    } else if (Number.isNaN(value)) {
      return -1;
    }
  }
  return best;
}

/** Class indices of the best path, repeats merged and blanks dropped; null when a step holds NaN. */
export function ctcBestPath(values: Elements, view: SequenceView): number[] | null {
  const path: number[] = [];
  let previous = -1;
  for (let step = 0; step < view.steps; step++) {
    const index = argmax(values, view.offset + step * view.stride, view.classes);
    if (index === -1) return null;
    if (index !== previous && index !== 0) path.push(index);
    previous = index;
  }
  return path;
}

/**
 * The alphabet in a model's `character` metadata (PaddleOCR exports): one character a line, the blank before them and, in
 * most exports, a space after them. Index = class.
 *
 * @param metadata the metadata value
 * @param classes size of the class axis, which decides whether the space is there
 * @returns null when the list does not fit the class axis
 */
export function ctcAlphabet(metadata: string, classes: number): readonly string[] | null {
  const characters = metadata.split(/\r\n|\n|\r/);
  // A trailing line break ends the last line, it does not start another.
  if (characters.at(-1) === '') characters.pop();
  const alphabet = ['', ...characters, ' '];
  if (alphabet.length === classes) return alphabet;
  if (alphabet.length === classes + 1) return alphabet.slice(0, -1);
  return null;
}
