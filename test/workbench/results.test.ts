/** What can be done with results: exported, copied, revealed, and laid beside those of another run. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Frame } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { accessibilityFaults } from '../support/workbench/accessibilityFaults';
import { ConvertForm } from '../support/workbench/convertForm';
import { useWorkbench } from '../support/workbench/useWorkbench';

const window = useWorkbench();
const convert = 'Convert to TensorRT';
const results = 'digits_resnet_tiny-precision';
const comparison = 'body[data-page="comparison"][data-ready][data-place="side"]';

/** FP32 and FP16 of the sample; another number of samples makes the run another. */
async function convertOnce(evaluationSamples: string): Promise<void> {
  const form = await ConvertForm.shown(window());
  await form.chooseVariants(['fp16']);
  await form.openSection('evaluation');
  await form.fill('/evaluation/samples', evaluationSamples);
  await form.command(/precision-bench/);
  const before = await form.frame.locator('article.run.done').count();
  await form.button('convert').click();
  await expect.poll(() => form.frame.locator('article.run.done').count(), { timeout: 180_000 }).toBe(before + 1);
}

async function side(): Promise<Frame> {
  return window().webview(comparison);
}

it('come from a conversion', async () => {
  await window().contextMenu(window().explorerRow('digits_resnet_tiny.onnx'), convert);
  await window().chooseMenuItem(convert);
  await convertOnce('60');
  await (await side()).locator('canvas[data-figure]').first().waitFor({ timeout: 30_000 });
}, 240_000);

describe('exports', () => {
  /** Takes the name that the dialog proposes. */
  async function exported(format: string): Promise<Buffer> {
    const page = await side();
    const button = page.locator(`[data-action="export-${format}"]`);
    if (!(await button.isVisible())) await page.locator('summary').filter({ hasText: 'Export' }).click();
    await button.click();
    const name = `digits_resnet_tiny-precision.${format}`;
    const input = window().page.locator('.quick-input-widget input.input').first();
    await expect.poll(() => input.inputValue(), { timeout: 20_000 }).toContain(name);
    await window().page.keyboard.press('Enter');
    const file = join(window().folder, name);
    await expect.poll(() => existsSync(file), { timeout: 20_000 }).toBe(true);
    await window().notification(name);
    await window().command('Notifications: Clear All Notifications');
    return readFileSync(file);
  }

  it('HTML: the report as a page of its own', async () => {
    const page = (await exported('html')).toString();
    expect(page).toMatch(/^<!doctype html>/i);
    expect(page).toContain('digits_resnet_tiny.onnx');
  });

  it('CSV: a row for every variant', async () => {
    const [header, ...rows] = (await exported('csv')).toString().trim().split('\n');
    expect(header).toMatch(/variant/i);
    expect(rows.some((row) => row.includes('fp32'))).toBe(true);
    expect(rows.some((row) => row.includes('fp16'))).toBe(true);
  });

  it('PNG: the charts', async () => {
    const picture = await exported('png');
    expect(picture.subarray(1, 4).toString()).toBe('PNG');
    // Width and height stand in the header chunk.
    expect(picture.readUInt32BE(16)).toBeGreaterThan(200);
    expect(picture.readUInt32BE(20)).toBeGreaterThan(200);
  });
});

it('copies the command that makes the results again', async () => {
  await (await side()).locator('[data-action="copyCommand"]').click();
  const clipboard = () =>
    window().page.evaluate(() =>
      (
        globalThis as unknown as { navigator: { clipboard: { readText(): Promise<string> } } }
      ).navigator.clipboard.readText(),
    );
  await expect.poll(clipboard, { timeout: 10_000 }).toMatch(/precision-bench convert .*digits/);
});

it('reveals the engine in the explorer', async () => {
  const engine = readdirSync(join(window().folder, results)).find((name) => name.endsWith('.engine'));
  if (process.env['CI'] === 'true') expect(engine).toBeDefined();
  if (engine === undefined) return;
  await (await side()).locator('[data-action="revealEngine"]').click();
  const selected = window().page.locator('.explorer-folders-view .monaco-list-row.selected');
  await expect.poll(() => selected.allInnerTexts(), { timeout: 20_000 }).toEqual([expect.stringMatching(/\.engine$/)]);
});

describe('two runs', () => {
  it('stand side by side, with what makes them hard to compare', async () => {
    await convertOnce('50');
    await window().command('Precision Bench: Compare Precisions');
    const page = await side();
    const history = page.locator('[data-fold="history"]');
    if ((await history.getAttribute('open')) === null) await history.locator('summary').click();
    await expect.poll(() => history.locator('[data-entry]').count(), { timeout: 20_000 }).toBe(2);
    await history.locator('[data-action="beside"]').first().click();
    await page.locator('.run-cards').waitFor({ timeout: 20_000 });
    expect(await page.locator('.run-card').count()).toBe(2);
    expect(await page.locator('section[aria-labelledby="beside-title"] table').innerText()).toMatch(/fp16/i);
    expect(await accessibilityFaults(page)).toEqual([]);
  }, 240_000);

  it('come back after a restart of the window', async () => {
    await window().reload();
    const page = await side();
    await page.locator('.run-cards').waitFor({ timeout: 30_000 });
    await page.locator('[data-action="endBeside"]').first().click();
    await page.locator('.run-cards').waitFor({ state: 'detached', timeout: 20_000 });
  });
});

it('threw nothing in the window', () => {
  expect(window().pageErrors).toEqual([]);
});
