/** The main job as a user does it: right-click the model, choose, convert, compare, come back after a restart. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { checkReport } from '../../extension/contract/checkSchema';
import { accessibilityFaults } from '../support/workbench/accessibilityFaults';
import { ConvertForm } from '../support/workbench/convertForm';
import { useWorkbench } from '../support/workbench/useWorkbench';

const window = useWorkbench();
const model = 'digits_resnet_tiny.onnx';
const convert = 'Convert to TensorRT';
/** Beside the model, by default. */
const results = 'digits_resnet_tiny-precision';

describe('the explorer', () => {
  it('offers the conversion on a model', async () => {
    expect(await window().contextMenu(window().explorerRow(model), convert)).toContain(convert);
    await window().closeMenu();
  });

  it('does not offer it on other files', async () => {
    // Asked after the test above, so the extension's menus are known to be there.
    const items = await window().contextMenu(window().explorerRow('notes.txt'), null);
    expect(items).not.toContain(convert);
    expect(items.length).toBeGreaterThan(3);
    await window().closeMenu();
  });
});

it('is offered on the tab of a model, too', async () => {
  await window().explorerRow(model).dblclick();
  const tab = window().tab(model).first();
  await tab.waitFor();
  expect(await window().contextMenu(tab, convert)).toContain(convert);
  await window().closeMenu();
  await window().command('View: Close All Editors');
});

describe('converting the sample through the form', () => {
  let form: ConvertForm;

  it('opens the form beside', async () => {
    await window().contextMenu(window().explorerRow(model), convert);
    await window().chooseMenuItem(convert);
    form = await ConvertForm.shown(window());
    expect(await form.frame.locator('h1').innerText()).toBe(model);
  });

  it('takes INT8, entropy, batch size 16 and an FP16 output, and shows the command line that says the same', async () => {
    await form.chooseVariants(['int8']);
    await form.openSection('calibration');
    await form.choose('/calibration/algorithm', 'entropy');
    await form.fill('/calibration/batchSize', '16');
    const bindings = await form.openSection('bindings');
    const output = await bindings
      .locator('.binding')
      .last()
      .locator('[data-field^="/bindings/"]')
      .getAttribute('data-field');
    await form.choose(output ?? '', 'fp16');
    const command = await form.command(/--io/);
    expect(command).toMatch(/int8/);
    expect(command).toMatch(/entropy/);
    expect(command).toMatch(/16/);
    expect(command).toMatch(/fp16/);
  });

  it('has no accessibility fault', async () => {
    expect(await accessibilityFaults(form.frame)).toEqual([]);
  });

  it('converts, stage by stage', async () => {
    await form.button('convert').click();
    await form.runIn('running');
    const run = await form.runIn('done', 180_000);
    const steps = await run.locator('.run-step.done').all();
    const stages = await Promise.all(steps.map((step) => step.getAttribute('data-stage')));
    expect(new Set(stages)).toEqual(new Set(['model', 'calibrate', 'plan', 'build', 'compare', 'measure', 'report']));
  });

  it('leaves the report and the models that the form names', () => {
    const out = join(window().folder, results);
    for (const name of ['report.json', 'report.html', 'report.md', 'report.csv']) {
      expect(existsSync(join(out, name)), name).toBe(true);
    }
    const report = checkReport(JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')), 'report.json');
    expect(report.variants.map(({ name, status }) => [name, status])).toEqual([
      ['fp32', 'ok'],
      ['int8', 'ok'],
    ]);
    expect(report.plan.calibration).toMatchObject({ algorithm: 'entropy', batchSize: 16 });
    expect(report.plan.bindings).toEqual({ logits: 'fp16' });
  });
});

describe('the comparison', () => {
  const shown = 'body[data-page="comparison"][data-ready]';

  it('shows in the side bar by itself, with charts and the table that says the same', async () => {
    const side = await window().webview(shown);
    await expect.poll(() => side.locator('h1').first().innerText(), { timeout: 20_000 }).toBe(model);
    expect(await side.locator('canvas[data-figure]').count()).toBeGreaterThanOrEqual(2);
    for (const canvas of await side.locator('canvas[data-figure]').all()) {
      await canvas.scrollIntoViewIfNeeded();
      await expect.poll(() => paintedPixels(canvas), { timeout: 10_000 }).toBeGreaterThan(500);
    }
    const table = await side.locator('table').allInnerTexts();
    expect(table.join('\n')).toMatch(/fp32/i);
    expect(table.join('\n')).toMatch(/int8/i);
    expect(await accessibilityFaults(side)).toEqual([]);
  });

  it('shows as the editor of report.json', async () => {
    await window().openFile('report.json');
    const frames = () => window().webview(`${shown}[data-place="editor"]`);
    const editor = await frames();
    await expect.poll(() => editor.locator('h1').first().innerText(), { timeout: 20_000 }).toBe(model);
    expect(await accessibilityFaults(editor)).toEqual([]);
  });
});

it('opens an engine with its passport', async () => {
  const engine = readdirSync(join(window().folder, results)).find((name) => name.endsWith('.engine'));
  if (process.env['CI'] === 'true') expect(engine).toBeDefined();
  if (engine === undefined) return;
  await window().openFile(engine);
  const page = await window().webview('body[data-page="engine"][data-ready]');
  await expect.poll(() => page.locator('body').innerText(), { timeout: 20_000 }).toMatch(/TensorRT-RTX|rtx/i);
  expect(await page.locator('body').innerText()).toMatch(/[0-9a-f]{16}/);
  expect(await accessibilityFaults(page)).toEqual([]);
});

describe('themes', () => {
  it.each([
    ['Light Modern', 'vscode-light'],
    ['Dark High Contrast', 'vscode-high-contrast'],
    ['Light High Contrast', 'vscode-high-contrast-light'],
    ['Dark Modern', 'vscode-dark'],
  ])('%s reaches the pages, and leaves them accessible', async (theme, className) => {
    await window().chooseTheme(theme);
    const side = await window().webview(`body.${className}[data-page="comparison"]`);
    expect(await accessibilityFaults(side)).toEqual([]);
  });
});

describe('a restart of the window', () => {
  it('brings back the form as it was left', async () => {
    await window().tab(`Convert ${model}`).first().click();
    let form = await ConvertForm.shown(window());
    await form.openSection('calibration');
    await form.fill('/calibration/batchSize', '24');
    await form.command(/--calib-batch-size=24/);
    await window().reload();
    form = await ConvertForm.shown(window());
    expect(await form.command(/--calib-batch-size=24/)).toMatch(/entropy/);
  });

  it('brings back the comparison', async () => {
    const side = await window().webview('body[data-page="comparison"][data-ready][data-place="side"]');
    await expect.poll(() => side.locator('h1').first().innerText(), { timeout: 20_000 }).toBe(model);
  });
});

it('threw nothing in the window', () => {
  expect(window().pageErrors).toEqual([]);
});

/** Pixels of a chart that are not its background. */
async function paintedPixels(canvas: Locator): Promise<number> {
  return canvas.evaluate((element) => {
    // In the page; its types are not known here.
    const chart = element as unknown as Canvas;
    if (chart.width === 0 || chart.height === 0) return 0;
    const { data } = chart.getContext('2d').getImageData(0, 0, chart.width, chart.height);
    let painted = 0;
    for (let index = 3; index < data.length; index += 4) if ((data[index] ?? 0) > 0) painted += 1;
    return painted;
  });
}

interface Canvas {
  readonly width: number;
  readonly height: number;
  getContext(kind: '2d'): { getImageData(...box: number[]): { readonly data: Uint8ClampedArray } };
}
