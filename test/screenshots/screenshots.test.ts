/**
 * `npm run screenshots`: pictures of the extension at work in the real workbench, in a dark and a light theme, for the README
 * and for people who review changes of the interface. Nothing in them is made up: they show the bundled sample.
 */
import { describe, it } from 'vitest';
import { ConvertForm } from '../support/workbench/convertForm';
import { takePicture } from '../support/workbench/takePicture';
import { useWorkbench } from '../support/workbench/useWorkbench';

const themes = [
  ['dark', 'Default Dark Modern'],
  ['light', 'Default Light Modern'],
] as const;
const wide = { width: 1280, height: 800 };
/** The workbench around a side bar of 320 pixels. */
const sideBarWidth = 320;
const model = 'digits_resnet_tiny.onnx';
const convert = 'Convert to TensorRT';

describe.each(themes)('%s', (name, theme) => {
  const window = useWorkbench({
    ...wide,
    settings: { 'workbench.colorTheme': theme, 'window.restoreWindows': 'none' },
  });
  const picture = (state: string) => takePicture(window().page, `${state}-${name}`);
  let form: ConvertForm;

  it('context menu', async () => {
    await window().contextMenu(window().explorerRow(model), convert);
    await window().page.locator('.monaco-menu .action-menu-item').filter({ hasText: convert }).hover();
    await picture('context-menu');
    await window().chooseMenuItem(convert);
    form = await ConvertForm.shown(window());
  });

  it('palette', async () => {
    await window().palette('Precision Bench');
    await picture('palette');
    await window().page.keyboard.press('Escape');
  });

  it('convert form', async () => {
    await form.openSection('calibration');
    await form.command(/precision-bench/);
    await picture('convert-form');
  });

  it('conversion under way', async () => {
    await form.button('convert').click();
    await form.run.locator('.run-step.running[data-stage="build"]').waitFor({ timeout: 120_000 });
    await picture('converting');
  });

  it('conversion done', async () => {
    await form.runIn('done', 240_000);
    await window().webview('body[data-page="comparison"][data-ready]');
    await picture('converted');
  });

  it('comparison in a narrow side bar', async () => {
    await resizeSideBar(sideBarWidth);
    await takePicture(window().page.locator('.part.sidebar'), `comparison-narrow-${name}`);
  });

  async function resizeSideBar(width: number): Promise<void> {
    const { page } = window();
    const box = await page.locator('.part.sidebar').boundingBox();
    if (box === null) throw new Error('There is no side bar.');
    const edge = box.x + box.width;
    await page.mouse.move(edge, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(box.x + width, box.y + box.height / 2, { steps: 5 });
    await page.mouse.up();
  }
});
