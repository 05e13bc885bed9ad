/** What scripts/fixtures/transforms.py stored: pictures by the same formula, and results as packed bytes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import type { Image } from '../../../../extension/calibrate/transforms/pixels';

export interface ResultCase {
  readonly source: readonly [number, number, number];
  readonly seed: number;
  readonly target: readonly [number, number];
  readonly values: string;
}

export function readFixture<T>(name: string): T {
  return JSON.parse(readFileSync(join(__dirname, '../../../fixtures/transforms', name), 'utf8')) as T;
}

export function unpack(values: string): Uint8Array {
  return new Uint8Array(inflateSync(Buffer.from(values, 'base64')));
}

/** `picture` of scripts/fixtures/transforms.py. */
export function picture([height, width, channels]: readonly [number, number, number], seed: number): Image {
  const data = new Uint8Array(height * width * channels);
  let at = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) {
        const mixed = BigInt(x * 7919 + y * 104729 + c * 1299709 + seed * 15485863);
        const noise = Number(((mixed * 2654435761n) % 2n ** 32n) >> 24n);
        const kind = (x + 2 * y + c + seed) % 4;
        data[at++] = kind === 0 ? noise : kind === 1 ? (x * 3 + y * 5 + c * 40) % 256 : kind === 2 ? 255 : 0;
      }
    }
  }
  return { height, width, channels, layout: 'hwc', data };
}

export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let largest = 0;
  for (let at = 0; at < a.length; at++) largest = Math.max(largest, Math.abs(a[at]! - b[at]!));
  return largest;
}
