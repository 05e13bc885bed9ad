/**
 * `npm run screenshots`: pictures of the extension at work in the real workbench, in a dark and a light theme, for the README
 * and for people who review changes of the interface. Nothing in them is made up: they show the bundled sample.
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { ConvertForm } from '../support/workbench/convertForm';
import { takePicture } from '../support/workbench/takePicture';
import { useWorkbench } from '../support/workbench/useWorkbench';

const themes = [
  ['dark', 'Default Dark Modern'],
  ['light', 'Default Light Modern'],
] as const;
const wide = { width: 1280, height: 800 };
/** Of the narrow side bar and of a panel as narrow as it. */
const narrow = 320;
const tall = 1500;
const quiet = { 'window.title': '${rootName}', 'editor.minimap.enabled': false };
const model = 'digits_resnet_tiny.onnx';
const results = 'digits_resnet_tiny-precision';
const convert = 'Convert to TensorRT';

describe.each(themes)('%s', (name, theme) => {
  const window = useWorkbench({ ...wide, settings: { ...quiet, 'workbench.colorTheme': theme } });
  const picture = (state: string) => takePicture(window().page, `${state}-${name}`);

  /** Past what moves by itself: hovers, notifications. */
  async function settle(): Promise<void> {
    await window().page.mouse.move(200, 17);
    await window().page.waitForTimeout(700);
  }

  it('context menu', async () => {
    await window().contextMenu(window().explorerRow(model), convert);
    await window().page.locator('.monaco-menu .action-menu-item').filter({ hasText: convert }).hover();
    await picture('context-menu');
    await window().chooseMenuItem(convert);
    await ConvertForm.shown(window());
  });

  it('palette', async () => {
    await window().palette('Precision Bench');
    await picture('palette');
    await window().page.keyboard.press('Escape');
  });

  it('convert form', async () => {
    const form = await ConvertForm.shown(window());
    await form.command(/precision-bench/);
    await settle();
    await picture('convert-form');
    const calibration = await form.openSection('calibration');
    await calibration.locator('[data-action="preview-calibration"]').first().click();
    await calibration.locator('img').first().waitFor({ timeout: 60_000 });
    await calibration.locator('summary').first().scrollIntoViewIfNeeded();
    await settle();
    await picture('convert-calibration');
  });

  it('conversion under way', async () => {
    const form = await ConvertForm.shown(window());
    await form.button('convert').click();
    await form.run.locator('.run-step.running:not([data-stage="model"])').first().waitFor({ timeout: 120_000 });
    await picture('converting');
  });

  it('conversion done', async () => {
    const form = await ConvertForm.shown(window());
    await form.runIn('done', 280_000);
    const side = await window().webview('body[data-page="comparison"][data-ready]');
    await side.locator('canvas[data-figure]').first().waitFor({ timeout: 30_000 });
    await window().command('Notifications: Clear All Notifications');
    await settle();
    await picture('converted');
  });

  it('comparison in a narrow side bar', async () => {
    await resizeSideBar(narrow);
    await window().page.setViewportSize({ ...wide, height: tall });
    await settle();
    await takePicture(window().page.locator('.part.sidebar'), `comparison-narrow-${name}`);
    await window().page.setViewportSize(wide);
  });

  it('comparison as an editor', async () => {
    await window().openFile('report.json');
    const editor = await window().webview('body[data-page="comparison"][data-ready][data-place="editor"]');
    await editor.locator('canvas[data-figure]').first().waitFor({ timeout: 30_000 });
    await window().command('View: Toggle Primary Side Bar Visibility');
    await settle();
    await picture('comparison-wide');
  });

  it('engine', async () => {
    const engine = readdirSync(join(window().folder, results)).find((file) => file.endsWith('.engine'));
    if (engine === undefined) return;
    await window().openFile(engine);
    await window().webview('body[data-page="engine"][data-ready]');
    await settle();
    await picture('engine');
  });

  it('plan file', async () => {
    const { page, folder } = window();
    const plan = (calibration: string) =>
      `{\n  "schemaVersion": 1,\n  "model": "${model}",\n  "precisions": ["fp32", "int8"],\n  "targets": ["sm_53"],\n  "calibration": { "data": "calibration"${calibration} }\n}\n`;
    writeFileSync(join(folder, 'nano.trtplan.json'), plan(''));
    await window().command('View: Show Explorer');
    await window().explorerRow('nano.trtplan.json').dblclick();
    await page.locator('.squiggly-error, .squiggly-warning').first().waitFor({ timeout: 30_000 });
    await window().command('Problems: Focus on Problems View');
    await settle();
    await picture('plan-problems');
    await window().command('View: Toggle Panel Visibility');
    writeFileSync(join(folder, 'new.trtplan.json'), plan(', "algorithm": '));
    await window().explorerRow('new.trtplan.json').dblclick();
    await page.locator('.view-line').filter({ hasText: 'algorithm' }).click();
    await page.keyboard.press('End');
    for (let step = 0; step < 2; step++) await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('Control+Space');
    await page.locator('.suggest-widget.visible .monaco-list-row').first().waitFor({ timeout: 30_000 });
    await page.waitForTimeout(700);
    await picture('plan-completion');
    await page.keyboard.press('Escape');
  });

  it('damaged model', async () => {
    await window().command('View: Close All Editors');
    await window().command('View: Show Explorer');
    await window().contextMenu(window().explorerRow('damaged.onnx'), convert);
    await window().chooseMenuItem(convert);
    const form = await ConvertForm.shown(window());
    await form.frame.locator('.box.error').first().waitFor({ timeout: 30_000 });
    await settle();
    await picture('damaged-model');
  });

  it('cancelled, in a narrow panel', async () => {
    await window().command('View: Close All Editors');
    await window().contextMenu(window().explorerRow(model), convert);
    await window().chooseMenuItem(convert);
    const form = await ConvertForm.shown(window());
    await form.button('convert').click();
    await form.runIn('running');
    await form.run.locator('[data-action="cancel"]').click();
    await form.runIn('cancelled', 30_000);
    await form.run.scrollIntoViewIfNeeded();
    await window().command('Notifications: Clear All Notifications');
    await settle();
    await picture('cancelled');
    await window().command('View: Toggle Primary Side Bar Visibility');
    await window().page.setViewportSize({ width: narrow + 56, height: tall });
    await form.frame.locator('h1').scrollIntoViewIfNeeded();
    await window().page.waitForTimeout(500);
    await takePicture(window().page.locator('.part.editor'), `convert-narrow-${name}`);
    await window().page.setViewportSize(wide);
  });

  it('walkthrough', async () => {
    await window().command('View: Close All Editors');
    await window().command('Precision Bench: Get Started');
    await window().page.locator('.gettingStartedContainer .getting-started-step').first().waitFor({ timeout: 30_000 });
    await settle();
    await picture('walkthrough');
  });

  async function resizeSideBar(width: number): Promise<void> {
    const { page } = window();
    const box = await page.locator('.part.sidebar').boundingBox();
    if (box === null) throw new Error('There is no side bar.');
    const edge = box.x + box.width + 2;
    await page.mouse.move(edge, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(box.x + width, box.y + box.height / 2, { steps: 5 });
    await page.mouse.up();
  }
});

describe.each(themes)('%s, in Restricted Mode', (name, theme) => {
  const window = useWorkbench({
    ...wide,
    workspaceTrust: true,
    settings: { ...quiet, 'workbench.colorTheme': theme, 'security.workspace.trust.startupPrompt': 'never' },
  });

  it('form', async () => {
    await window().contextMenu(window().explorerRow(model), convert);
    await window().chooseMenuItem(convert);
    const form = await ConvertForm.shown(window());
    await form.frame
      .getByText(/Restricted Mode/)
      .first()
      .waitFor();
    await window().page.waitForTimeout(700);
    await takePicture(window().page, `restricted-${name}`);
  });
});
