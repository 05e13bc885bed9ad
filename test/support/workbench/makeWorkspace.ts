/**
 * A folder as a user might open it: the bundled sample with its data, a file that is no model, one that is damaged, and one
 * that nobody converts. Tests in a workbench open a copy of their own, because conversions write beside the model.
 */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Sample pictures per class of digit: enough for INT8 scales and a verdict, few enough for a quick test. */
const picturesPerClass = 12;

export const workspaceFiles = {
  model: 'digits_resnet_tiny.onnx',
  plan: 'digits.trtplan.json',
  /** The first half of the model. */
  damaged: 'damaged.onnx',
  text: 'notes.txt',
} as const;

/** @returns `folder`, which must be new or empty */
export function makeWorkspace(folder: string, projectRoot: string): string {
  const sample = join(projectRoot, 'media', 'sample');
  mkdirSync(folder, { recursive: true });
  for (const purpose of ['calibration', 'evaluation']) {
    for (let digit = 0; digit < 10; digit++) {
      for (let number = 1; number <= picturesPerClass; number++) {
        const picture = join(purpose, String(digit), `${digit}_${String(number).padStart(3, '0')}.png`);
        cpSync(join(sample, picture), join(folder, picture));
      }
    }
  }
  for (const name of [workspaceFiles.model, workspaceFiles.plan]) cpSync(join(sample, name), join(folder, name));
  const model = readFileSync(join(sample, workspaceFiles.model));
  writeFileSync(join(folder, workspaceFiles.damaged), model.subarray(0, model.length / 2));
  writeFileSync(join(folder, workspaceFiles.text), 'Nothing to convert here.\n');
  return folder;
}
