import { expect, it, vi } from 'vitest';
import { lastOf } from '../../../../webview/common/lastOf';

it('computes again only when an argument is another', () => {
  const compute = vi.fn((list: readonly number[], factor: number) => list.map((value) => value * factor));
  const scaled = lastOf(compute);
  const list = [1, 2];
  const first = scaled(list, 2);
  expect(scaled(list, 2)).toBe(first);
  expect(compute).toHaveBeenCalledTimes(1);
  expect(scaled(list, 3)).toEqual([3, 6]);
  expect(scaled([1, 2], 3)).toEqual([3, 6]);
  expect(compute).toHaveBeenCalledTimes(3);
});
