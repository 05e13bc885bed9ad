import * as assert from 'node:assert/strict';
import { before, describe, it } from 'mocha';
import * as vscode from 'vscode';
import { eventually, inWorkspace, ourExtension } from '../support';

describe('Restricted Mode', () => {
  before(() => ourExtension().activate());

  it('is what this window is in', () => {
    assert.equal(vscode.workspace.isTrusted, false);
  });

  it('leaves the extension active, to look at plans and reports', () => {
    assert.equal(ourExtension().isActive, true);
  });

  it('takes no path that leads to code from the workspace', async () => {
    const chosen = {
      'editor.tabSize': 7,
      'precisionBench.tensorrt.library': '/evil',
      'precisionBench.python': '/evil',
    };
    const settings = { ...chosen, 'precisionBench.home': '/evil' };
    await vscode.workspace.fs.writeFile(inWorkspace('.vscode/settings.json'), Buffer.from(JSON.stringify(settings)));
    // The harmless one says when the file has been read.
    await eventually('the workspace settings', () =>
      vscode.workspace.getConfiguration('editor').get('tabSize') === 7 ? true : undefined,
    );
    const ours = vscode.workspace.getConfiguration('precisionBench');
    for (const key of ['tensorrt.library', 'python', 'home']) assert.notEqual(ours.get(key), '/evil', key);
  });
});
