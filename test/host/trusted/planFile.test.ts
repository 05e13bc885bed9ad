import * as assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import * as vscode from 'vscode';
import { eventually, inWorkspace } from '../support';

async function openPlan(text: string): Promise<vscode.TextDocument> {
  const uri = inWorkspace('written.trtplan.json');
  await vscode.workspace.fs.writeFile(uri, Buffer.from(text));
  const document = await vscode.workspace.openTextDocument(uri);
  await vscode.window.showTextDocument(document);
  return document;
}

async function labelsAt(document: vscode.TextDocument, marker: string): Promise<string[]> {
  const position = document.positionAt(document.getText().indexOf(marker) + marker.length);
  return eventually(`completion behind ${marker}`, async () => {
    const list = await vscode.commands.executeCommand<vscode.CompletionList>(
      'vscode.executeCompletionItemProvider',
      document.uri,
      position,
    );
    const labels = list.items.map(({ label }) => (typeof label === 'string' ? label : label.label));
    return labels.length > 0 ? labels : undefined;
  });
}

function diagnosticsOf(uri: vscode.Uri): Promise<vscode.Diagnostic[]> {
  return eventually('a diagnostic', () => {
    const found = vscode.languages.getDiagnostics(uri);
    return found.length > 0 ? found : undefined;
  });
}

describe('a plan file', () => {
  afterEach(async () => {
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
    await vscode.workspace.fs.delete(inWorkspace('written.trtplan.json'));
  });

  it('completes keys', async () => {
    const document = await openPlan('{\n  "schemaVersion": 1,\n  "model": "digits_resnet_tiny.onnx",\n  \n}\n');
    const labels = await labelsAt(document, '.onnx",\n  ');
    for (const key of ['precisions', 'calibration', 'evaluation', 'bindings']) {
      assert.ok(
        labels.some((label) => label.includes(key)),
        `${key} among ${labels.join(', ')}`,
      );
    }
  });

  it('completes the calibration algorithms', async () => {
    const document = await openPlan(
      '{\n  "schemaVersion": 1,\n  "model": "digits_resnet_tiny.onnx",\n  "calibration": { "algorithm":  }\n}\n',
    );
    const labels = await labelsAt(document, '"algorithm": ');
    assert.ok(
      labels.some((label) => label.includes('entropy')),
      labels.join(', '),
    );
  });

  it('marks a value that is none', async () => {
    const document = await openPlan(
      '{\n  "schemaVersion": 1,\n  "model": "digits_resnet_tiny.onnx",\n  "precisions": ["int9"]\n}\n',
    );
    const found = await diagnosticsOf(document.uri);
    const line = document.positionAt(document.getText().indexOf('int9')).line;
    assert.ok(
      found.some(({ range }) => range.start.line === line),
      JSON.stringify(found),
    );
  });

  it('marks a model that is not there', async () => {
    const document = await openPlan('{\n  "schemaVersion": 1,\n  "model": "gone.onnx"\n}\n');
    const found = await diagnosticsOf(document.uri);
    const text = found.map(({ message }) => message).join('\n');
    assert.match(text, /gone\.onnx/);
  });

  it('marks INT8 for a GPU that has none', async () => {
    const document = await openPlan(
      '{\n  "schemaVersion": 1,\n  "model": "digits_resnet_tiny.onnx",\n  "precisions": ["fp32", "int8"],\n  "targets": ["sm_53"]\n}\n',
    );
    const found = await diagnosticsOf(document.uri);
    assert.ok(
      found.some(({ message }) => /INT8/i.test(message)),
      JSON.stringify(found.map(({ message }) => message)),
    );
  });
});
