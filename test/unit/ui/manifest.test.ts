/** The manifest and the code name the same things. */
import { existsSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import { variantNames } from '../../../extension/contract/plan';
import {
  commands,
  contextKeys,
  settingKeys,
  settingsSection,
  viewTypes,
  views,
  walkthrough,
} from '../../../extension/ui/ids';
import { defaultOutputFolder } from '../../../extension/ui/runs/outputFolder';

interface Manifest {
  readonly main: string;
  readonly icon: string;
  readonly activationEvents: readonly string[];
  readonly extensionKind: readonly string[];
  readonly capabilities: {
    readonly untrustedWorkspaces: { readonly supported: unknown; readonly restrictedConfigurations: readonly string[] };
    readonly virtualWorkspaces: { readonly supported: unknown };
  };
  readonly contributes: {
    readonly commands: readonly { readonly command: string }[];
    readonly menus: Readonly<Record<string, readonly { readonly command: string; readonly when: string }[]>>;
    readonly views: Readonly<Record<string, readonly { readonly id: string }[]>>;
    readonly viewsContainers: { readonly activitybar: readonly { readonly id: string; readonly icon: string }[] };
    readonly customEditors: readonly { readonly viewType: string }[];
    readonly configuration: {
      readonly properties: Readonly<
        Record<
          string,
          { readonly scope: string; readonly default: unknown; readonly items?: { readonly enum: readonly string[] } }
        >
      >;
    };
    readonly walkthroughs: readonly {
      readonly id: string;
      readonly steps: readonly {
        readonly media: { readonly svg: string };
        readonly completionEvents: readonly string[];
      }[];
    }[];
  };
}

const root = path.resolve(import.meta.dirname, '../../..');
const text = readFileSync(path.join(root, 'package.json'), 'utf8');
const manifest = JSON.parse(text) as Manifest;
const { contributes } = manifest;
const setting = (key: string) => contributes.configuration.properties[`${settingsSection}.${key}`];

describe('package.json', () => {
  it('has the commands, views, editors and settings of the code, and no others', () => {
    expect(contributes.commands.map(({ command }) => command).sort()).toEqual(Object.values(commands).sort());
    expect(
      Object.values(contributes.views)
        .flat()
        .map(({ id }) => id),
    ).toEqual(Object.values(views));
    const editors = Object.values(viewTypes).filter((name) => name !== viewTypes.convert);
    expect(contributes.customEditors.map(({ viewType }) => viewType).sort()).toEqual(editors.sort());
    const keys = Object.values(settingKeys).map((key) => `${settingsSection}.${key}`);
    expect(Object.keys(contributes.configuration.properties).sort()).toEqual(keys.sort());
    expect(contributes.walkthroughs.map(({ id }) => id)).toEqual([walkthrough]);
    expect(manifest.activationEvents).toContain(`onWebviewPanel:${viewTypes.convert}`);
  });

  it('has menus and completions with commands and context keys that exist', () => {
    const known = new Set<string>(Object.values(commands));
    const named = [
      ...Object.values(contributes.menus)
        .flat()
        .map(({ command }) => command),
      ...[...text.matchAll(/onCommand:([\w.]+)/g)].map(([, name = '']) => name),
      ...[...readFileSync(path.join(root, 'package.nls.json'), 'utf8').matchAll(/command:(precisionBench\.\w+)/g)].map(
        ([, name = '']) => name,
      ),
    ];
    expect(named.filter((name) => !known.has(name))).toEqual([]);
    const whens = Object.values(contributes.menus)
      .flat()
      .map(({ when }) => when)
      .join(' ');
    const keys = [...whens.matchAll(/precisionBench\.\w+/g)].map(([name]) => name);
    const exist: readonly string[] = [...Object.values(contextKeys), ...Object.values(views)];
    expect(keys.filter((key) => !exist.includes(key))).toEqual([]);
  });

  it('offers the conversion on ONNX files alone', () => {
    for (const menu of ['explorer/context', 'editor/title/context']) {
      const [item] = contributes.menus[menu]?.filter(({ command }) => command === commands.convert) ?? [];
      expect(item?.when).toMatch(/^resourceExtname == \.onnx\b/);
    }
  });

  it('names files that exist', () => {
    const files = [
      manifest.icon,
      ...contributes.viewsContainers.activitybar.map(({ icon }) => icon),
      ...contributes.walkthroughs.flatMap(({ steps }) => steps.map(({ media }) => media.svg)),
      ...[...text.matchAll(/"\.\/(schemas\/[^"]+)"/g)].map(([, file = '']) => file),
    ];
    expect(files.length).toBeGreaterThan(5);
    expect(files.filter((file) => !existsSync(path.join(root, file)))).toEqual([]);
  });

  it('lets no untrusted workspace choose what is loaded or run', () => {
    const { untrustedWorkspaces, virtualWorkspaces } = manifest.capabilities;
    expect([untrustedWorkspaces.supported, virtualWorkspaces.supported, manifest.extensionKind]).toEqual([
      'limited',
      false,
      ['workspace'],
    ]);
    for (const key of [settingKeys.python, settingKeys.library, settingKeys.home, settingKeys.outputFolder]) {
      expect(untrustedWorkspaces.restrictedConfigurations).toContain(`${settingsSection}.${key}`);
    }
    for (const key of [settingKeys.library, settingKeys.home]) expect(setting(key)?.scope).toBe('machine');
  });

  it('has the defaults of the code', () => {
    expect(setting(settingKeys.outputFolder)?.default).toBe(defaultOutputFolder);
    expect(setting(settingKeys.precisions)?.items?.enum).toEqual([...variantNames]);
  });
});
