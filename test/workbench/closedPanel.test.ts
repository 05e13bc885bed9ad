/** A conversion does not need its panel. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ConvertForm } from '../support/workbench/convertForm';
import { useWorkbench } from '../support/workbench/useWorkbench';

const window = useWorkbench();
const convert = 'Convert to TensorRT';

async function openForm(): Promise<ConvertForm> {
  await window().contextMenu(window().explorerRow('digits_resnet_tiny.onnx'), convert);
  await window().chooseMenuItem(convert);
  return ConvertForm.shown(window());
}

it('goes on while its panel is closed, and is there when it opens again', async () => {
  const form = await openForm();
  await form.button('convert').click();
  await form.runIn('running');
  await window().command('View: Close All Editors');
  const report = join(window().folder, 'digits_resnet_tiny-precision', 'report.json');
  expect(existsSync(report)).toBe(false);
  const again = await openForm();
  await again.runIn('done', 120_000);
  expect(existsSync(report)).toBe(true);
});

it('threw nothing in the window', () => {
  expect(window().pageErrors).toEqual([]);
});
