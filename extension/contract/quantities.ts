/**
 * How numbers are written: the same words and digits in the terminal, the reports, the verdict and the webviews.
 *
 * Every function takes null, which is `notMeasured`: a number nobody measured is never shown as zero.
 */

export const notMeasured = 'not measured';

type Maybe = number | null | undefined;

function write(value: Maybe, text: (value: number) => string): string {
  return value === null || value === undefined ? notMeasured : text(value);
}

/** 1234567 → `1,234,567`. */
export function countText(value: Maybe): string {
  return write(value, (count) => count.toLocaleString('en-US'));
}

/** A share as a percentage: 0.8775 → `87.75%`. */
export function percentText(share: Maybe, digits = 2): string {
  return write(share, (value) => `${(100 * value).toFixed(digits)}%`);
}

/** The bounds of a share: `84.2–90.6%`; empty when there are none. */
export function intervalText(low: Maybe, high: Maybe): string {
  if (low === null || low === undefined || high === null || high === undefined) return '';
  return `${(100 * low).toFixed(1)}–${(100 * high).toFixed(1)}%`;
}

/** A difference of shares in percentage points, without its sign: 0.0075 → `0.75 points`. */
export function pointsText(difference: number): string {
  const points = (100 * Math.abs(difference)).toFixed(2);
  return `${points} ${points === '1.00' ? 'point' : 'points'}`;
}

export function decibelsText(value: Maybe): string {
  return write(value, (decibels) => `${decibels.toFixed(1)} dB`);
}

/** Three significant digits without an exponent: 0.267, 12.3, 1234. */
export function significantText(value: Maybe): string {
  return write(value, (number) => {
    if (number === 0) return '0';
    // Rounded first: 9.996 has the magnitude of 10.
    const magnitude = Math.floor(Math.log10(Math.abs(Number(number.toPrecision(3)))));
    return magnitude < -6 ? number.toExponential(2) : number.toFixed(Math.max(0, 2 - magnitude));
  });
}

export function millisecondsText(value: Maybe): string {
  return write(value, (number) => `${significantText(number)} ms`);
}

export function secondsText(value: Maybe): string {
  return write(value, (number) => `${significantText(number)} s`);
}

export function ratioText(value: Maybe): string {
  return write(value, (ratio) => `${ratio.toFixed(2)}×`);
}

/** Binary units: 18999999 → `18.1 MiB`. */
export function bytesText(value: Maybe): string {
  return write(value, (bytes) => {
    const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
    let size = bytes;
    let unit = 0;
    while (size >= 1024 && unit < units.length - 1) {
      size /= 1024;
      unit++;
    }
    return `${unit === 0 ? size : significantText(size)} ${units[unit] ?? ''}`;
  });
}

export function probabilityText(value: Maybe): string {
  return write(value, (p) => (p < 0.001 ? 'p < 0.001' : `p = ${p.toFixed(p < 0.1 ? 3 : 2)}`));
}

/** `1 sample`, `400 samples`. */
export function pluralText(count: number, noun: string): string {
  return `${countText(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** `A`, `A and B`, `A, B and C`. */
export function listText(items: readonly string[]): string {
  const last = items.at(-1) ?? '';
  return items.length < 2 ? last : `${items.slice(0, -1).join(', ')} and ${last}`;
}
