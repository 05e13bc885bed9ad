/**
 * What a webview page knows before its first message: which page it is, its language and its translated strings. The host
 * writes it into the page as a JSON data block (`ui/webview/webviewHtml.ts`); the page reads it (`webview/common/bootstrap.ts`).
 */

/** Each has `dist/webview/<page>.js` and `.css`. */
export const pages = ['convert', 'comparison', 'engine'] as const;
export type Page = (typeof pages)[number];

/** `id` of the `<script type="application/json">` element that carries a `PageBootstrap`. */
export const bootstrapElementId = 'precision-bench-bootstrap';

export interface PageBootstrap {
  readonly page: Page;
  /** The editor's display language as a BCP 47 tag. */
  readonly locale: string;
  /**
   * Translations by the English text, placeholders as `{0}` or `{name}` (the form of `l10n/bundle.l10n.*.json`). Empty in
   * English: a text that is not here stands for itself.
   */
  readonly strings: Readonly<Record<string, string>>;
  /**
   * What the page's `load` answers, where the host knew it when it made the page; else null. For the first drawing alone: a
   * page that is shown again is made of the same HTML, and asks.
   */
  readonly contents: unknown;
}
