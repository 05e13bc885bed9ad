import { expect, it } from 'vitest';
import { fill, quantity, t } from '../../../../webview/common/l10n';

it('fills placeholders in any order and as often as they stand', () => {
  expect(fill('{1} of {0}, {1}', ['a', 2])).toBe('2 of a, 2');
});

it('leaves a placeholder without a value as it is', () => {
  expect(fill('{0} {3}', ['x'])).toBe('x {3}');
});

it('does not fill what was filled in', () => {
  expect(fill('{0} {1}', ['{1}', 'b'])).toBe('{1} b');
});

it('stands for itself without a translation', () => {
  expect(t('Convert: {0}', 'no')).toBe('Convert: no');
  expect(quantity('4 ms')).toBe('4 ms');
});
