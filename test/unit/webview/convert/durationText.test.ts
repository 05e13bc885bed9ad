import { expect, it } from 'vitest';
import { durationText } from '../../../../webview/convert/durationText';

it.each([
  [0, '0 s'],
  [-500, '0 s'],
  [59_400, '59 s'],
  [59_600, '1 min 00 s'],
  [125_000, '2 min 05 s'],
  [3_600_000, '1 h 00 min'],
  [4_260_000, '1 h 11 min'],
])('%d ms is %s', (milliseconds, text) => expect(durationText(milliseconds)).toBe(text));
