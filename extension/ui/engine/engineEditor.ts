/** The read-only editor of `.engine` and `.plan` files: passport, layers, and whether the engine runs here. */
import { dirname } from 'node:path';
import * as vscode from 'vscode';
import { passportPath } from '../../contract/enginePassport';
import type { EngineHostSide, EnginePageSide } from '../../contract/panels/engineViewer';
import { CodedError } from '../../contract/errors';
import { commands } from '../ids';
import { t } from '../l10n';
import type { Services } from '../services';
import { nothing, serve, webviewChannel } from '../webview/webviewChannel';
import { webviewHtml, webviewOptions } from '../webview/webviewHtml';
import { fitOf, looksLikeText, readEngine, reportOf } from './readEngine';

/** Fills the editor's panel, or opens the file as text where it is one. */
export async function showEngine(file: string, panel: vscode.WebviewPanel, services: Services): Promise<void> {
  if (await looksLikeText(file)) {
    await vscode.commands.executeCommand('vscode.openWith', vscode.Uri.file(file), 'default', panel.viewColumn);
    panel.dispose();
    return;
  }
  const { extensionUri } = services.context;
  const { webview } = panel;
  webview.options = webviewOptions;
  const channel = webviewChannel<EngineHostSide, EnginePageSide>(webview, services.log);
  serve(channel, {
    load: { params: nothing, answer: () => readEngine(file) },
    compareWithMachine: {
      params: nothing,
      answer: async () => fitOf((await readEngine(file)).passport, await services.machine.probe()),
    },
    rebuild: {
      params: nothing,
      answer: async () => {
        const found = await reportOf(file);
        if (found === null) throw unknownOrigin(file);
        return (await vscode.commands.executeCommand(commands.convert, found), null);
      },
    },
    reveal: {
      params: nothing,
      answer: async () => {
        const uri = vscode.Uri.file(file);
        const command = vscode.workspace.getWorkspaceFolder(uri) ? 'revealInExplorer' : 'revealFileInOS';
        return (await vscode.commands.executeCommand(command, uri), null);
      },
    },
    openReport: {
      params: nothing,
      answer: async () => {
        const found = await reportOf(file);
        if (found === null) throw unknownOrigin(file);
        return (await vscode.commands.executeCommand(commands.openReport, vscode.Uri.file(found.path)), null);
      },
    },
    openPassport: {
      params: nothing,
      answer: async () => (await vscode.window.showTextDocument(vscode.Uri.file(passportPath(file))), null),
    },
  });
  const name = file.slice(dirname(file).length + 1);
  const watcher = vscode.workspace.createFileSystemWatcher(
    new vscode.RelativePattern(vscode.Uri.file(dirname(file)), `${name}*`),
  );
  const tell = () => {
    readEngine(file).then(
      (contents) => channel.emit('changed', contents),
      // Deleted, or being replaced: the editor closes, or the next event tells.
      () => undefined,
    );
  };
  watcher.onDidChange(tell);
  watcher.onDidCreate(tell);
  panel.onDidDispose(() => {
    watcher.dispose();
    channel.dispose();
  });
  webview.html = webviewHtml(extensionUri, 'engine');
}

function unknownOrigin(file: string): CodedError {
  return new CodedError({
    code: 'REPORT_INVALID',
    reason: t('There is no report beside {0} that names it, so it is not known how it was built.', file),
    fix: t('Convert its model again.'),
    place: { file },
  });
}
