/** German is complete and has nothing to spare: host, pages and manifest. */
import { readdirSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '../../..');
const read = (name: string) => readFileSync(path.join(root, name), 'utf8');
const json = (name: string) => JSON.parse(read(name)) as Record<string, string>;
const placeholders = (text: string) => [...text.matchAll(/\{\d+\}/g)].map(([whole]) => whole).sort();

/** What defines `t`, or hands it on: there the first argument is a parameter. */
const definitions = ['extension/ui/l10n.ts', 'webview/common/l10n.ts'];
const sources = [
  'extension/extension.ts',
  ...['extension/ui', 'webview'].flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => `${folder}/${name.replaceAll(path.sep, '/')}`),
  ),
].filter((name) => !definitions.includes(name));

/** First arguments of `t(…)` and `vscode.l10n.t(…)`: the literal, or what stands there instead. */
function translated(source: string): { literals: string[]; others: string[] } {
  const calls = source.matchAll(
    /(?<![\w.])(?:vscode\.l10n\.)?t\(\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|(?!message, \.\.\.values)([^)]{0,30}))/g,
  );
  const literals: string[] = [];
  const others: string[] = [];
  for (const [, single, double, other] of calls) {
    const literal = single ?? double;
    if (literal === undefined) {
      if (other !== undefined) others.push(other);
    } else literals.push(literal.replace(/\\(.)/g, '$1'));
  }
  return { literals, others };
}

const used = new Map(sources.map((name) => [name, translated(read(name))]));
const texts = new Set([...used.values()].flatMap(({ literals }) => literals));
const german = json('l10n/bundle.l10n.de.json');

describe('l10n/bundle.l10n.de.json', () => {
  it('has every text of the host and the pages', () => {
    expect(texts.size).toBeGreaterThan(100);
    expect([...texts].filter((text) => !(text in german))).toEqual([]);
  });

  it('has none that is used no more', () => {
    expect(Object.keys(german).filter((text) => !texts.has(text))).toEqual([]);
  });

  it('keeps the placeholders', () => {
    const broken = Object.entries(german).filter(
      ([text, translation]) => String(placeholders(text)) !== String(placeholders(translation)) || translation === '',
    );
    expect(broken).toEqual([]);
  });

  it('can be complete, since every text is a literal', () => {
    const computed = [...used].flatMap(([name, { others }]) => others.map((other) => `${name}: t(${other}`));
    expect(computed).toEqual([]);
  });
});

describe('package.nls', () => {
  const english = json('package.nls.json');
  const translations = json('package.nls.de.json');
  const named = new Set([...read('package.json').matchAll(/"%([\w.]+)%"/g)].map(([, key = '']) => key));

  it('has every key of the manifest, in both languages, and no other', () => {
    expect(named.size).toBeGreaterThan(20);
    expect(Object.keys(english).sort()).toEqual([...named].sort());
    expect(Object.keys(translations).sort()).toEqual([...named].sort());
  });
});
