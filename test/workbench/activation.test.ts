/** What activation costs, by the editor's own measurement. */
import { expect, test } from 'vitest';
import { recordDuration } from '../support/workbench/recordDuration';
import { useWorkbench } from '../support/workbench/useWorkbench';

const window = useWorkbench();

test('takes no more than 50 ms in the extension host', async () => {
  await window().contextMenu(window().explorerRow('digits_resnet_tiny.onnx'), 'Convert to TensorRT');
  await window().chooseMenuItem('Convert to TensorRT');
  await window().webview('body[data-page="convert"][data-ready]');
  await window().command('Developer: Show Running Extensions');
  const row = window().page.locator('.runtime-extensions-editor .extension').filter({ hasText: 'precision-bench' });
  await row.scrollIntoViewIfNeeded();
  const text = await row.locator('.activation-time').innerText();
  const [, milliseconds = ''] = /(\d+)\s*ms/.exec(text) ?? [];
  expect(text).toMatch(/\d+\s*ms/);
  recordDuration('activation in the extension host', Number(milliseconds));
  expect(Number(milliseconds)).toBeLessThanOrEqual(50);
});
