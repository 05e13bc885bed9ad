/** *Open the Sample*: copies the bundled model and its data to a place that can be written to, and opens the convert panel. */
import { cp, mkdir, stat } from 'node:fs/promises';
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { Services } from '../services';

const sampleModel = 'digits_resnet_tiny.onnx';
const sampleParts = [sampleModel, 'digits.trtplan.json', 'calibration', 'evaluation', 'README.md'];

/** @returns the path of the sample's model */
export async function copySample({ context }: Services): Promise<string> {
  const source = vscode.Uri.joinPath(context.extensionUri, 'media', 'sample').fsPath;
  const target = vscode.Uri.joinPath(context.globalStorageUri, 'sample').fsPath;
  await mkdir(target, { recursive: true });
  for (const part of sampleParts) {
    const copy = path.join(target, part);
    // The user's own changes to the plan stay.
    const isThere = (await stat(copy).catch(() => null)) !== null;
    if (!isThere) await cp(path.join(source, part), copy, { recursive: true });
  }
  return path.join(target, sampleModel);
}
