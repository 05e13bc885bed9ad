/** The packages as a user gets them: what is inside, installing one with an editor, converting the sample from there. */
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkReport } from '../../extension/contract/checkSchema';
import { extractZip } from '../../extension/build/install/extractZip';
import { ConvertForm } from '../support/workbench/convertForm';
import { installPackage, type InstalledPackage } from '../support/workbench/installPackage';
import { openWorkbench, repository } from '../support/workbench/openWorkbench';

const run = promisify(execFile);
const targets = ['linux-x64', 'linux-arm64', 'win32-x64'] as const;
const { version } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as { version: string };

let scratch: string;
beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'precision-bench-package-'));
  await run(process.execPath, ['scripts/package.mjs'], { cwd: repository });
});
afterAll(() => {
  rmSync(scratch, { recursive: true, force: true });
});

function vsix(target: string): string {
  return join(repository, 'build', 'package', `precision-bench-${version}-${target}.vsix`);
}

describe.each(targets)('the package for %s', (target) => {
  let folder: string;
  let files: readonly string[];
  beforeAll(async () => {
    folder = join(scratch, target);
    await extractZip(vsix(target), folder, ['']);
    files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  });

  it('says for which platform it is', () => {
    // Editors install the wrong platform's package without complaint, so it has to be right.
    const manifest = readFileSync(join(folder, 'extension.vsixmanifest'), 'utf8');
    expect(manifest).toContain(`TargetPlatform="${target}"`);
    expect(manifest).toContain('Id="precision-bench"');
  });

  it('has the runtime of its platform and no other', () => {
    const [platform, arch] = target.split('-');
    const runtimes = files.filter((file) => file.endsWith('onnxruntime_binding.node'));
    expect(runtimes).toHaveLength(1);
    expect(runtimes[0]).toContain(join('napi-v6', platform ?? '', arch ?? ''));
  });

  it('has all that the extension opens', () => {
    for (const file of [
      'package.json',
      'THIRD_PARTY_LICENCES.txt',
      'dist/extension.cjs',
      'dist/worker.cjs',
      'dist/datasetThread.cjs',
      'dist/cli.cjs',
      'dist/webview/convert.js',
      'dist/webview/comparison.js',
      'dist/webview/engine.js',
      'schemas/trtplan.schema.json',
      'schemas/report.schema.json',
      'media/sample/digits_resnet_tiny.onnx',
      'media/sample/digits.trtplan.json',
    ]) {
      expect(existsSync(join(folder, 'extension', file)), file).toBe(true);
    }
  });

  it('has every file that its manifest names', () => {
    const manifest = readFileSync(join(folder, 'extension', 'package.json'), 'utf8');
    const named = [...manifest.matchAll(/"(?:\.\/)?((?:media|schemas|l10n|dist)\/[^"#*{}]+)"/g)].map(
      ([, path]) => path,
    );
    expect(named.length).toBeGreaterThan(2);
    expect(named.filter((path) => !existsSync(join(folder, 'extension', path ?? '')))).toEqual([]);
  });

  it('has nothing for developers', () => {
    expect(files.filter((file) => /\.(map|ts)$|(^|\/)(test|scripts|native\/engine|screenshots)\//.test(file))).toEqual(
      [],
    );
  });
});

describe('linux-x64', () => {
  it('stays below its limit', () => {
    expect(statSync(vsix('linux-x64')).size).toBeLessThanOrEqual(45e6);
  });

  it('brings the native module and its flavours', () => {
    const folder = join(scratch, 'linux-x64', 'extension', 'dist', 'native', 'linux-x64');
    const expected = ['pb_engine_10.so', 'pb_engine_11.so', 'pb_engine_rtx.so', 'precision_bench.node'];
    expect(readdirSync(folder)).toEqual(expect.arrayContaining(expected));
  });
});

describe.skipIf(process.platform !== 'linux' || process.arch !== 'x64')('installed with --install-extension', () => {
  let installed: InstalledPackage;
  beforeAll(async () => {
    installed = await installPackage(vsix('linux-x64'), join(scratch, 'editor'));
  });

  it('is reported as installed', () => {
    expect(installed.output).toMatch(/successfully installed/);
  });

  it('converts the sample from where it lies, with its own runtime and native module', async () => {
    // Outside the repository: nothing of it, node_modules least of all, is found from there.
    const work = join(scratch, 'work');
    cpSync(join(installed.folder, 'media', 'sample'), work, { recursive: true });
    const cli = join(installed.folder, 'dist', 'cli.cjs');
    const environment = { ...process.env, NODE_PATH: '', PRECISION_BENCH_NATIVE: '' };
    const options = { cwd: work, env: environment };
    const probe = JSON.parse((await run(process.execPath, [cli, 'probe', '--json'], options)).stdout) as {
      backends: { name: string; available: boolean; builds: boolean }[];
    };
    const rtx = probe.backends.find(({ name }) => name === 'tensorrt-rtx');
    if (process.env['CI'] === 'true') expect(rtx?.builds).toBe(true);

    await run(process.execPath, [cli, 'convert', '--plan', 'digits.trtplan.json', '--out', 'out'], options);
    const file = join(work, 'out', 'report.json');
    const report = checkReport(JSON.parse(readFileSync(file, 'utf8')), file);
    expect(report.variants.map(({ name, status }) => [name, status])).toEqual([
      ['fp32', 'ok'],
      ['fp16', 'ok'],
      ['bf16', 'ok'],
      ['int8', 'ok'],
    ]);
    const engines = report.variants.flatMap(({ artifacts }) => artifacts.filter(({ kind }) => kind === 'engine'));
    expect(engines.length).toBe(rtx?.builds === true ? 4 : 0);
  });

  it('converts the sample in the editor that it was installed into', async () => {
    const window = await openWorkbench({ installed: true, extensionsDir: installed.extensionsDir });
    try {
      const convert = 'Convert to TensorRT';
      await window.contextMenu(window.explorerRow('digits_resnet_tiny.onnx'), convert);
      await window.chooseMenuItem(convert);
      const form = await ConvertForm.shown(window);
      await form.button('convert').click();
      await form.runIn('done', 180_000);
      const side = await window.webview('body[data-page="comparison"][data-ready]');
      await expect.poll(() => side.locator('canvas[data-figure]').count(), { timeout: 20_000 }).toBeGreaterThan(1);
      expect(existsSync(join(window.folder, 'digits_resnet_tiny-precision', 'report.html'))).toBe(true);
      expect(window.pageErrors).toEqual([]);
    } finally {
      await window.close();
    }
  }, 300_000);
});
