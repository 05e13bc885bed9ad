import * as assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, it } from 'mocha';
import * as vscode from 'vscode';
import { eventually, inWorkspace, ourExtension } from '../support';

function activeTab(): vscode.Tab | undefined {
  return vscode.window.tabGroups.activeTabGroup.activeTab;
}

/** The view type of the editor that is shown, once it is `viewType`. */
function shownAs(viewType: string): Promise<true> {
  return eventually(
    () => `an editor ${viewType}; there is ${activeTab()?.label ?? 'none'} ${JSON.stringify(activeTab()?.input)}`,
    () => {
      const input = activeTab()?.input;
      return input instanceof vscode.TabInputCustom && input.viewType === viewType ? true : undefined;
    },
  );
}

describe('editors', () => {
  afterEach(() => vscode.commands.executeCommand('workbench.action.closeAllEditors'));

  it('a model opens in the convert panel', async () => {
    await vscode.commands.executeCommand('precisionBench.convert', inWorkspace('digits_resnet_tiny.onnx'));
    await eventually('the panel', () => {
      const tab = activeTab();
      const shown = tab?.input instanceof vscode.TabInputWebview && tab.label.includes('digits_resnet_tiny.onnx');
      return shown ? true : undefined;
    });
  });

  it('asking twice for a model shows the one panel', async () => {
    const panels = () =>
      vscode.window.tabGroups.all
        .flatMap((group) => group.tabs)
        .filter(({ label }) => label.includes('digits_resnet_tiny.onnx'));
    for (let time = 0; time < 2; time++) {
      await vscode.commands.executeCommand('precisionBench.convert', inWorkspace('digits_resnet_tiny.onnx'));
      await eventually('the panel', () => (panels().length > 0 ? true : undefined));
    }
    assert.equal(panels().length, 1);
  });

  it('a report beside its model opens in the comparison', async () => {
    const fixture = join(ourExtension().extensionPath, 'test', 'fixtures', 'report', 'sample.report.json');
    const uri = inWorkspace('digits_resnet_tiny-precision/report.json');
    await vscode.workspace.fs.writeFile(uri, readFileSync(fixture));
    await vscode.commands.executeCommand('vscode.open', uri);
    await shownAs('precisionBench.report');
  });

  it('another file of that name stays text', async () => {
    const uri = inWorkspace('coverage/report.json');
    await vscode.workspace.fs.writeFile(uri, Buffer.from('{}'));
    await vscode.commands.executeCommand('vscode.open', uri);
    await eventually('a text editor', () => (activeTab()?.input instanceof vscode.TabInputText ? true : undefined));
  });

  it('an engine opens in its viewer, even when nothing is known of it', async () => {
    const uri = inWorkspace('unknown.engine');
    await vscode.workspace.fs.writeFile(uri, Buffer.from([0x66, 0x74, 0x72, 0x74, 0, 0, 0, 0, 1, 2, 3]));
    await vscode.commands.executeCommand('vscode.open', uri);
    await shownAs('precisionBench.engine');
  });
});
