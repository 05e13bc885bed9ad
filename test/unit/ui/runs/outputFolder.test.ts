import * as path from 'node:path';
import { expect, it } from 'vitest';
import { expandOutputFolder } from '../../../../extension/ui/runs/outputFolder';

const model = path.resolve('/w/models/net.v2.onnx');
const workspace = path.resolve('/w');

it.each([
  ['', '/w/models/net.v2-precision'],
  ['  ', '/w/models/net.v2-precision'],
  ['out/${modelName}', '/w/out/net.v2'],
  ['${workspaceFolder}/r', '/w/r'],
  ['/tmp/${modelName}', '/tmp/net.v2'],
  ['${unknown}/x', '/w/${unknown}/x'],
])('%j is %s', (pattern, expected) => {
  expect(expandOutputFolder(pattern, model, workspace)).toBe(path.resolve(expected));
});
