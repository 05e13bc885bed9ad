/**
 * Made-up samples for when no data is given: floats uniform in (−1, 1), small integers (ALGORITHMS §1.2), in the sizes that
 * `randomSizes.ts` gives.
 *
 * Good enough to find overflows and to measure latency; everything derived from it is marked as not representative.
 */
import { CodedError } from '../../contract/errors';
import { elementCount, type DType, type Tensor, type TensorData, type ValueSpec } from '../../contract/tensor';
import { castTensor } from './castTensor';
import { hashText } from './hashFiles';
import { guessSizes, type InputSizes } from './randomSizes';
import type { SampleSource } from './sampleSource';

/** Integer inputs are mostly token or class ids: small ones are valid everywhere. Kinds of tokens are two or one. */
const integerLimit = { ids: 8, kinds: 2 };

/** Small, fast, well distributed generator of 32 bits (mulberry32 by Tommy Ettinger, public domain). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function fill(dtype: DType, name: string, size: number, random: () => number): TensorData {
  if (/^(u?int|bool)/.test(dtype)) {
    const mask = /mask/i.test(name);
    const kinds = dtype === 'bool' || /type|segment/i.test(name);
    const limit = kinds ? integerLimit.kinds : integerLimit.ids;
    return Int32Array.from({ length: size }, () => (mask ? 1 : Math.floor(random() * limit)));
  }
  return Float32Array.from({ length: size }, () => random() * 2 - 1);
}

/** @param sizes of every input; the first guess when left out */
export function openRandom(
  inputs: readonly ValueSpec[],
  samples: number,
  seed: number,
  sizes: InputSizes = guessSizes(inputs)[0]!,
): SampleSource {
  const shapes = inputs.map(({ name }) => [...(sizes[name] ?? [])]);
  const make = (input: ValueSpec, at: number, index: number): Tensor => {
    const random = seededRandom(seed * 0x9e3779b1 + index * 0x85ebca6b + at * 0xc2b2ae35);
    const dims = shapes[at]!;
    const data = fill(input.dtype, input.name, elementCount(dims), random);
    const tensor: Tensor = { dtype: data instanceof Int32Array ? 'int32' : 'fp32', dims, data };
    const cast = castTensor(tensor, input.dtype);
    if (typeof cast === 'string') {
      throw new CodedError({
        code: 'DATA_MISMATCH',
        reason: `No values can be made up for the input ${input.name} of type ${input.dtype}.`,
        fix: 'Give data for it with --data. TensorRT takes numbers only: move operators on other types out of the model.',
        place: { field: input.name },
      });
    }
    return cast;
  };
  const idOf = (index: number) => `random ${index}`;
  return {
    kind: 'random',
    length: samples,
    labelled: false,
    classes: null,
    describe: (index) => ({ id: idOf(index), label: null, file: null }),
    read(index) {
      const values = Object.fromEntries(inputs.map((input, at) => [input.name, make(input, at, index)]));
      return Promise.resolve({ id: idOf(index), label: null, values });
    },
    sha256: () => Promise.resolve(hashText('random', String(seed), String(samples), JSON.stringify(shapes))),
    close: () => Promise.resolve(),
  };
}
