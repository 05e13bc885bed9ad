/**
 * Translations of the pages: the English text is the key, as in `vscode.l10n.t`, so one bundle serves host and pages.
 *
 * The host writes the strings of the display language into the page (`contract/panels/pageBootstrap.ts`). Without them, or
 * for a text that is missing, English is shown. First arguments are plain literals, so that the completeness test of the
 * bundle finds them.
 */
import { notMeasured } from '../../extension/contract/quantities';
import { bootstrap } from './bootstrap';

/** For dates and lists; numbers with units are written the same everywhere, by `contract/quantities.ts`. */
export const locale = bootstrap.locale ?? 'en';

/** The text in the display language; `{0}`, `{1}` … are replaced by the arguments. */
export function t(english: string, ...values: readonly (string | number)[]): string {
  return fill(bootstrap.strings?.[english] ?? english, values);
}

/** Replaces `{0}`, `{1}` …; a placeholder without an argument stays as it is. */
export function fill(pattern: string, values: readonly (string | number)[]): string {
  return pattern.replace(/\{(\d+)\}/g, (whole, index: string) => String(values[Number(index)] ?? whole));
}

/** A number as `contract/quantities.ts` writes it, with "not measured" in the display language. */
export function quantity(text: string): string {
  return text === notMeasured ? t('not measured') : text;
}
