/**
 * Translations for all of `ui/`. `activate` hands in the editor's translator; until then, and in unit tests, the English text
 * stands for itself. So what is pure in `ui/` stays testable without an editor.
 *
 * First arguments are plain literals: `test/unit/ui/l10n.test.ts` holds the bundle (`l10n/bundle.l10n.de.json`) to them.
 */
type Value = string | number | boolean;
export type Translator = (message: string, ...values: Value[]) => string;

const english: Translator = (message, ...values) =>
  message.replace(/\{(\d+)\}/g, (whole, index: string) => String(values[Number(index)] ?? whole));

let translator = english;

/** `vscode.l10n.t`; called once, by `activate`. */
export function useTranslator(translate: Translator): void {
  translator = translate;
}

/** The text in the display language; `{0}`, `{1}` … are replaced by the values. */
export function t(message: string, ...values: Value[]): string {
  return translator(message, ...values);
}
