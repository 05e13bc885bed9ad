/** Fetches TensorRT-RTX into the tool's own folder; looks first, so that it can be run again and again. */
import { importTypeScript } from './importTypeScript.mjs';
import { attempt, say } from './outcome.mjs';

await attempt(async () => {
  const { installTensorrt } = await importTypeScript('extension/build/install/installTensorrt.ts');
  say(`TensorRT-RTX: ${await installTensorrt('tensorrt-rtx', { onMessage: say })}`);
  return [];
}, 'Precision Bench works without TensorRT-RTX; it then builds no engines on a machine without a GPU.');
