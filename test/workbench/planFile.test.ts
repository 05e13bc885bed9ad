/** Plan files in the editor: palette, completion, findings, and the form that stays in step with the file. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConvertForm } from '../support/workbench/convertForm';
import { useWorkbench } from '../support/workbench/useWorkbench';

const window = useWorkbench();
const plan = 'digits.trtplan.json';

function planOnDisk(): { calibration: { batchSize?: number } } {
  return JSON.parse(readFileSync(join(window().folder, plan), 'utf8')) as { calibration: { batchSize?: number } };
}

describe('the palette', () => {
  it('has the commands under their category', async () => {
    const titles = ['Convert to TensorRT', 'Compare Precisions', 'Install TensorRT…', 'Open the Sample'];
    // The palette shows the commands that there were when it opened, and those of extensions come late.
    const missing = async () => {
      const texts = await (await window().palette('Precision Bench')).allInnerTexts();
      return titles.filter((title) => !texts.some((text) => text.includes(title)));
    };
    await expect.poll(missing, { timeout: 30_000, interval: 1000 }).toEqual([]);
    await window().page.keyboard.press('Escape');
  });

  it('asks for a model where none is meant', async () => {
    await window().command('Precision Bench: Convert to TensorRT');
    const question = window().page.locator('.quick-input-widget');
    await question.locator('.monaco-list-row').filter({ hasText: '.onnx' }).first().waitFor({ timeout: 20_000 });
    await window().page.keyboard.press('Escape');
  });
});

describe('the text of a plan', () => {
  it('completes what the schema allows', async () => {
    const { page, folder } = window();
    const text = '{\n  "schemaVersion": 1,\n  "model": "digits_resnet_tiny.onnx",\n  "precisions": []\n}\n';
    writeFileSync(join(folder, 'new.trtplan.json'), text);
    await window().explorerRow('new.trtplan.json').dblclick();
    await page.locator('.view-line').filter({ hasText: 'precisions' }).click();
    await page.keyboard.press('End');
    await page.keyboard.press('ArrowLeft');
    const suggestions = page.locator('.suggest-widget.visible .monaco-list-row');
    // The schema comes with the JSON extension, which may still be starting.
    await expect
      .poll(
        async () => {
          await page.keyboard.press('Escape');
          await page.keyboard.press('Control+Space');
          await suggestions
            .first()
            .waitFor({ timeout: 3000 })
            .catch(() => undefined);
          return (await suggestions.allInnerTexts()).join(' ');
        },
        { timeout: 40_000 },
      )
      .toMatch(/bf16[^]*int8/);
    await page.keyboard.press('Escape');
  });
});

describe('the form of a plan', () => {
  it('opens from the file', async () => {
    await window().explorerRow(plan).dblclick();
    await window().page.locator('.codelens-decoration a').first().click({ timeout: 30_000 });
    const form = await ConvertForm.shown(window());
    expect(await form.frame.locator('h1').innerText()).toBe('digits_resnet_tiny.onnx');
  });

  it('writes into the file', async () => {
    const form = await ConvertForm.shown(window());
    await form.openSection('calibration');
    await form.fill('/calibration/batchSize', '20');
    await form.command(/digits\.trtplan\.json/);
    await form.button('savePlan').click();
    await expect.poll(() => planOnDisk().calibration.batchSize, { timeout: 10_000 }).toBe(20);
  });

  it('follows the file', async () => {
    const form = await ConvertForm.shown(window());
    const file = join(window().folder, plan);
    // Not at once: the editor takes what happens right after its own saving for its own.
    await window().page.waitForTimeout(2000);
    writeFileSync(file, readFileSync(file, 'utf8').replace('"batchSize": 20', '"batchSize": 121'));
    const field = form.field('/calibration/batchSize').locator('input');
    await expect.poll(() => field.inputValue(), { timeout: 30_000 }).toBe('121');
  });
});

it('threw nothing in the window', () => {
  expect(window().pageErrors).toEqual([]);
});
