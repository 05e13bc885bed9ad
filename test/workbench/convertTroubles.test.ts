/** Conversions that do not go well: cancelled, waiting, impossible. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConvertForm } from '../support/workbench/convertForm';
import { useWorkbench } from '../support/workbench/useWorkbench';
import { buildModel, encodeModel, node, value } from '../unit/model/buildModel';
import { makeTensor } from '../../extension/model/tensorValues';

const window = useWorkbench();
const convert = 'Convert to TensorRT';
const model = 'digits_resnet_tiny.onnx';

async function openForm(file: string): Promise<ConvertForm> {
  await window().contextMenu(window().explorerRow(file), convert);
  await window().chooseMenuItem(convert);
  return ConvertForm.shown(window());
}

function leftovers(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => /\.run-|\.tmp$/.test(name));
}

describe('a conversion under way', () => {
  it('is cancelled by its button, and leaves nothing half made', async () => {
    const form = await openForm(model);
    await form.button('convert').click();
    await form.runIn('running');
    const pressed = Date.now();
    await form.run.locator('[data-action="cancel"]').click();
    await form.runIn('cancelled', 15_000);
    expect(Date.now() - pressed).toBeLessThan(10_000);
    expect(leftovers(window().folder)).toEqual([]);
  });

  it('lets the next one wait, which can be cancelled too', async () => {
    const form = await ConvertForm.shown(window());
    await form.button('convert').click();
    await form.runIn('running');
    await form.button('convert').click();
    const waiting = await form.runIn('queued');
    expect(await waiting.innerText()).toMatch(/1 in front/);
    await waiting.locator('[data-action="cancel"]').click();
    await form.frame.locator('article.run.queued').waitFor({ state: 'detached', timeout: 10_000 });
    await form.frame.locator('article.run.running [data-action="cancel"]').click();
    await form.frame.locator('article.run.running').waitFor({ state: 'detached', timeout: 15_000 });
    expect(await form.frame.locator('article.run.cancelled').count()).toBe(3);
  });
});

describe('a model that fails when it runs', () => {
  /** A reshape that no batch of these pictures fits; nothing tells before the model runs. */
  function unrunnable(): Uint8Array {
    const shape = makeTensor('shape', { dtype: 'int64', dims: [2], data: BigInt64Array.of(7n, 11n) });
    const model = buildModel({
      nodes: [node('Reshape', ['input', 'shape'], ['reshaped']), node('Relu', ['reshaped'], ['output'])],
      inputs: [value('input', ['batch', 1, 28, 28])],
      outputs: [value('output', [7, 11])],
      initializers: [shape],
    });
    return encodeModel(model);
  }

  it('says what failed, why, and what to do, and leaves nothing half made', async () => {
    writeFileSync(join(window().folder, 'unrunnable.onnx'), unrunnable());
    await window().explorerRow('unrunnable.onnx').waitFor();
    await window().command('View: Close All Editors');
    const form = await openForm('unrunnable.onnx');
    expect(await form.frame.locator('h1').innerText()).toBe('unrunnable.onnx');
    await form.button('convert').click();
    const run = await form.runIn('failed');
    const fault = run.locator('.box.error');
    expect(await fault.innerText()).toMatch(/Reshape/);
    expect(await fault.locator('[data-action]').count()).toBeGreaterThan(0);
    expect(leftovers(window().folder)).toEqual([]);
  });

  it('is told by a notification with buttons, too', async () => {
    const told = await window().notification(/Reshape/);
    expect(await told.locator('.monaco-button').count()).toBeGreaterThan(0);
  });
});

describe('a damaged model', () => {
  it('says what is wrong with it, why, and what to do', async () => {
    await window().page.keyboard.press('Control+K');
    await window().page.keyboard.press('Control+W');
    const form = await openForm('damaged.onnx');
    const fault = form.frame.locator('.box.error').first();
    await fault.waitFor({ timeout: 30_000 });
    const text = await fault.innerText();
    expect(text).toMatch(/damaged\.onnx/);
    expect(text).toMatch(/MODEL_TRUNCATED/);
    expect(await fault.locator('[data-action]').count()).toBeGreaterThan(0);
  });
});

it('threw nothing in the window', () => {
  expect(window().pageErrors).toEqual([]);
});
