import { describe, expect, test } from 'vitest';
import type { CalibratorRequest } from '../../../extension/backends/backend';
import { CalibrationFeed } from '../../../extension/backends/calibrationFeed';
import type { NamedTensors } from '../../../extension/contract/tensor';

function requestOf(batches: readonly NamedTensors[], seen: { opened: number; closed: number; aborted: boolean }) {
  const request: CalibratorRequest = {
    algorithm: 'entropy2',
    shapes: { ids: [1, 2] },
    cache: null,
    async *batches(signal): AsyncGenerator<NamedTensors> {
      seen.opened += 1;
      try {
        for (const batch of batches) yield await Promise.resolve(batch);
      } finally {
        seen.closed += 1;
        seen.aborted = signal.aborted;
      }
    },
  };
  return request;
}
const batch = (...values: bigint[]): NamedTensors => ({
  ids: { dtype: 'int64', dims: [1, values.length], data: BigInt64Array.from(values) },
});
const fresh = () => ({ opened: 0, closed: 0, aborted: false });

describe('calibration batches', () => {
  test('are opened with the first question, served in order, and end with null', async () => {
    const seen = fresh();
    const native = new CalibrationFeed(requestOf([batch(1n, 2n), batch(3n, 4n)], seen), '10').native();
    expect(seen.opened).toBe(0);
    const first = await native.next();
    expect(first?.[0]).toMatchObject({ name: 'ids', dims: [1, 2], data: BigInt64Array.from([1n, 2n]) });
    expect((await native.next())?.[0]?.data).toEqual(BigInt64Array.from([3n, 4n]));
    expect(await native.next()).toBeNull();
    expect(seen).toEqual({ opened: 1, closed: 1, aborted: false });
  });

  test('TensorRT 8 gets 64-bit integers as 32-bit ones', async () => {
    const native = new CalibrationFeed(requestOf([batch(7n, -1n)], fresh()), '8').native();
    expect((await native.next())?.[0]?.data).toEqual(Int32Array.from([7, -1]));
  });

  test('a build that ends early closes the reader, which hears of it', async () => {
    const seen = fresh();
    const feed = new CalibrationFeed(requestOf([batch(1n, 2n), batch(3n, 4n)], seen), '10');
    await feed.native().next();
    await feed.close();
    expect(seen).toEqual({ opened: 1, closed: 1, aborted: true });
    await new CalibrationFeed(requestOf([], seen), '10').close();
    expect(seen.opened).toBe(1);
  });

  test('a batch of another shape or without an input is DATA_MISMATCH naming it', async () => {
    const misshapen = new CalibrationFeed(requestOf([batch(1n)], fresh()), '10').native();
    await expect(misshapen.next()).rejects.toMatchObject({
      code: 'DATA_MISMATCH',
      message: /"ids".*\[1, 1\].*\[1, 2\]/,
    });
    const missing = new CalibrationFeed(requestOf([{}], fresh()), '10').native();
    await expect(missing.next()).rejects.toMatchObject({ code: 'DATA_MISMATCH', message: /no tensor for input "ids"/ });
  });
});
