import { expect, test } from 'vitest';
import { LogTail } from '../../../extension/worker/logTail';

test('keeps the newest lines, without blank ones', () => {
  const tail = new LogTail(3);
  for (const line of ['a', '  ', 'b\r', 'c', '', 'd']) tail.push(line);
  expect(tail.last(10)).toEqual(['b', 'c', 'd']);
  expect(tail.last(2)).toEqual(['c', 'd']);
});
