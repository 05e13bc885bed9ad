/** *Open the Sample*: copies the bundled model and its data to a place that can be written to, and opens the convert panel. */
import { cp, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import * as path from 'node:path';
import { applyEdits, modify } from 'jsonc-parser';
import * as vscode from 'vscode';
import type { Services } from '../services';

const sampleModel = 'digits_resnet_tiny.onnx';
const samplePlan = 'digits.trtplan.json';
const sampleParts = [sampleModel, samplePlan, 'calibration', 'evaluation', 'README.md'];

/** @returns the path of the sample's model */
export async function copySample({ context }: Services): Promise<string> {
  const source = vscode.Uri.joinPath(context.extensionUri, 'media', 'sample').fsPath;
  const target = vscode.Uri.joinPath(context.globalStorageUri, 'sample').fsPath;
  await mkdir(target, { recursive: true });
  for (const part of sampleParts) {
    const copy = path.join(target, part);
    // The user's own changes to the plan stay.
    const isThere = (await stat(copy).catch(() => null)) !== null;
    if (isThere) continue;
    await cp(path.join(source, part), copy, { recursive: true });
    // Its path to the schema leads nowhere from here; the extension knows plans by their name.
    if (part === samplePlan) await writeFile(copy, withoutSchema(await readFile(copy, 'utf8')));
  }
  return path.join(target, sampleModel);
}

function withoutSchema(text: string): string {
  return applyEdits(text, modify(text, ['$schema'], undefined, {}));
}
