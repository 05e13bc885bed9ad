import { describe, expect, it } from 'vitest';
import { packInt4, unpackInt4 } from '../../../extension/model/int4';

describe('INT4 packing', () => {
  it('puts the first element in the low nibble, negative ones in two’s complement', () => {
    expect([...packInt4(Int8Array.of(1, 2, -1, -8, 7, 0))]).toEqual([0x21, 0x8f, 0x07]);
  });

  it('leaves the last high nibble of an odd number zero', () => {
    expect([...packInt4(Int8Array.of(-2, 3, -8))]).toEqual([0x3e, 0x08]);
    expect([...packInt4(new Int8Array(0))]).toEqual([]);
  });

  it('gives back every value at both places of a byte', () => {
    const all = Int8Array.from({ length: 16 }, (_, i) => i - 8);
    const shifted = Int8Array.of(0, ...all);
    expect(unpackInt4(packInt4(all), 16)).toEqual(all);
    expect(unpackInt4(packInt4(shifted), 17)).toEqual(shifted);
  });
});
