/** The documents name files, scripts and options that exist. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import { commands } from '../../extension/cli/commands';
import type { Report } from '../../extension/contract/report';
import { presetAliases, presets } from '../../extension/calibrate/transforms/knownPresets';
import { pageOf } from '../device/page/pageOf';

const root = path.resolve(import.meta.dirname, '../..');
const read = (name: string) => readFileSync(path.join(root, name), 'utf8');
const documents = ['ARCHITECTURE.md', 'CONTRIBUTING.md', 'README.md'];

/** All source files, with a slash in front. */
const files = ['extension', 'webview', 'native', 'scripts', 'test', 'schemas', 'media'].flatMap((folder) =>
  readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' }).map(
    (name) => `/${folder}/${name.replaceAll(path.sep, '/')}`,
  ),
);
/** The editor's entry, which the import law names before it is there. */
const planned = new Set(['extension/extension.ts', 'xSource.ts']);

describe.each(documents)('%s', (name) => {
  const text = read(name);

  it('names files that exist', () => {
    const named = [...text.matchAll(/`([\w./-]+\.(?:ts|mjs|cjs|sh|h|py|css|json))`/g)].map(([, file = '']) => file);
    const missing = named.filter((file) => {
      if (planned.has(file) || /^(report|.*trtplan)\.json$/.test(file) || existsSync(path.join(root, file)))
        return false;
      return !files.some((known) => known.endsWith(`/${file}`));
    });
    expect(missing).toEqual([]);
  });

  it('links to files that exist', () => {
    const links = [...text.matchAll(/\]\(([^)#:]+)\)/g)].map(([, target = '']) => target);
    expect(links.filter((target) => !existsSync(path.join(root, target)))).toEqual([]);
  });

  it('names npm scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = [...text.matchAll(/npm (?:run )([\w:]+)/g)].map(([, script = '']) => script.replace(/:$/, ''));
    expect(named.filter((script) => script !== 'bench' && !(script in scripts))).toEqual([]);
  });

  it('names options and commands that exist', () => {
    const options = new Set(commands.flatMap(({ spec }) => Object.keys(spec.options)));
    const lines = text.split('\n').filter((line) => !/npx|npm run|pip|cargo/.test(line));
    const named = lines.flatMap((line) =>
      [...line.matchAll(/(?<![\w-])--([a-z][\w-]*)/g)].map(([, option = '']) => option),
    );
    // torch2trt's and trtexec's own flags are quoted as what users come from.
    const foreign = new Set(['fp16', 'int8', 'update']);
    expect(named.filter((option) => !options.has(option) && !foreign.has(option))).toEqual([]);
  });
});

it('README.md lists every command and every preset', () => {
  const text = read('README.md');
  for (const { spec } of commands) expect(text, spec.name).toMatch(new RegExp(`^\\| \`${spec.name}\\b`, 'm'));
  const known = [...Object.keys(presets), ...Object.keys(presetAliases)];
  const listed = /^Presets: (.*?)\.$/ms.exec(text)?.[1] ?? '';
  const names = [...listed.matchAll(/`([\w-]+)`/g)].map(([, preset = '']) => preset);
  expect(Object.keys(presets).filter((preset) => !names.includes(preset))).toEqual([]);
  expect(names.filter((preset) => !known.includes(preset))).toEqual([]);
});

/** Folders of measurements that have a page. */
const measured = ['docs/measurements/h200-trt10.6'];

describe.each(measured)('%s', (folder) => {
  const css = read('test/device/page/page.css');

  it('has the page that its reports make', () => {
    expect(read(`${folder}/index.html`), `run: node test/device/run.mjs page ${folder}`).toBe(
      pageOf(path.join(root, folder), css),
    );
  });

  it('has a page that loads nothing and shows every variant', () => {
    const page = read(`${folder}/index.html`);
    expect(page).not.toMatch(/<script|https?:|url\(|@import/);
    for (const name of readdirSync(path.join(root, folder)).filter((file) => file.endsWith('.json'))) {
      const { variants = [] } = JSON.parse(read(`${folder}/${name}`)) as Partial<Report>;
      for (const variant of variants) expect(page).toContain(`<td>${variant.name}</td>`);
    }
  });
});
