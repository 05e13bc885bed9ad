/** A folder that nobody has trusted: everything can be looked at, nothing is run. */
import { expect, it } from 'vitest';
import { ConvertForm } from '../support/workbench/convertForm';
import { useWorkbench } from '../support/workbench/useWorkbench';

const window = useWorkbench({
  workspaceTrust: true,
  settings: { 'security.workspace.trust.startupPrompt': 'never', 'security.workspace.trust.banner': 'never' },
});
const convert = 'Convert to TensorRT';

it('shows the form with the reason why nothing can be run', async () => {
  await window().contextMenu(window().explorerRow('digits_resnet_tiny.onnx'), convert);
  await window().chooseMenuItem(convert);
  const form = await ConvertForm.shown(window());
  await form.frame
    .getByText(/Restricted Mode/)
    .first()
    .waitFor();
  await expect.poll(() => form.button('convert').getAttribute('disabled')).not.toBeNull();
});
