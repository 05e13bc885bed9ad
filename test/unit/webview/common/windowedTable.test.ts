import { expect, it } from 'vitest';
import { rowWindow } from '../../../../webview/common/windowedTable';

it('draws what is in view and a margin', () => {
  expect(rowWindow(5000, 3000, 30, 360)).toEqual({ first: 90, end: 122 });
});

it('stays inside the list', () => {
  expect(rowWindow(5000, 0, 30, 360).first).toBe(0);
  expect(rowWindow(5000, 150_000, 30, 360).end).toBe(5000);
  expect(rowWindow(3, 0, 30, 360)).toEqual({ first: 0, end: 3 });
  expect(rowWindow(0, 0, 30, 360)).toEqual({ first: 0, end: 0 });
});

it('draws something where the list has become shorter than the scroll position', () => {
  const { first, end } = rowWindow(5, 90_000, 30, 360);
  expect(first).toBeLessThan(end);
});
