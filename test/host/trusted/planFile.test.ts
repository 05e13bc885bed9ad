import * as assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import * as vscode from 'vscode';
import { eventually, inWorkspace } from '../support';

let written = 0;

/** In a file of its own: the editor keeps a closed document for a while. */
async function openPlan(text: string): Promise<vscode.TextDocument> {
  const uri = inWorkspace(`written${++written}.trtplan.json`);
  await vscode.workspace.fs.writeFile(uri, Buffer.from(text));
  const document = await vscode.workspace.openTextDocument(uri);
  await vscode.window.showTextDocument(document);
  return document;
}

/** What completion offers behind `marker`, once `wanted` is among it. */
async function labelsAt(document: vscode.TextDocument, marker: string, wanted: string): Promise<string[]> {
  const position = document.positionAt(document.getText().indexOf(marker) + marker.length);
  return eventually(`completion of ${wanted} behind ${marker}`, async () => {
    const list = await vscode.commands.executeCommand<vscode.CompletionList>(
      'vscode.executeCompletionItemProvider',
      document.uri,
      position,
    );
    const labels = list.items.map(({ label }) => (typeof label === 'string' ? label : label.label));
    return labels.some((label) => label.includes(wanted)) ? labels : undefined;
  });
}

/** The first finding whose text matches; some need the model and come later than others. */
function diagnostic(uri: vscode.Uri, text: RegExp): Promise<vscode.Diagnostic> {
  const found = () => vscode.languages.getDiagnostics(uri);
  return eventually(
    () => `a diagnostic with ${String(text)} among ${JSON.stringify(found())}`,
    () => found().find(({ message }) => text.test(message)),
  );
}

describe('a plan file', () => {
  afterEach(async () => {
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
    await vscode.workspace.fs.delete(inWorkspace(`written${written}.trtplan.json`));
  });

  it('completes keys', async () => {
    const document = await openPlan('{\n  "schemaVersion": 1,\n  "model": "digits_resnet_tiny.onnx",\n  \n}\n');
    const labels = await labelsAt(document, '.onnx",\n  ', 'precisions');
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
    const labels = await labelsAt(document, '"algorithm": ', 'entropy');
    assert.ok(labels.length >= 6, labels.join(', '));
  });

  it('marks a value that is none', async () => {
    const document = await openPlan(
      '{\n  "schemaVersion": 1,\n  "model": "digits_resnet_tiny.onnx",\n  "precisions": ["int9"]\n}\n',
    );
    const { range } = await diagnostic(document.uri, /int9|not (accepted|allowed|valid)|one of/i);
    assert.equal(range.start.line, document.positionAt(document.getText().indexOf('int9')).line);
  });

  it('marks a model that is not there', async () => {
    const document = await openPlan('{\n  "schemaVersion": 1,\n  "model": "gone.onnx"\n}\n');
    await diagnostic(document.uri, /gone\.onnx/);
  });

  it('marks INT8 for a GPU that has none', async () => {
    const document = await openPlan(
      '{\n  "schemaVersion": 1,\n  "model": "digits_resnet_tiny.onnx",\n  "precisions": ["fp32", "int8"],\n  "targets": ["sm_53"]\n}\n',
    );
    await diagnostic(document.uri, /INT8/i);
  });
});
