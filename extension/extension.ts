/**
 * The editor's entry: wires and registers, nothing else. What a command, a view or an editor needs is loaded when it is first
 * used; no process starts and nothing native is loaded here.
 */
import * as vscode from 'vscode';
import { registerCommands } from './ui/commands/registerCommands';
import { viewTypes, views } from './ui/ids';
import { useTranslator } from './ui/l10n';
import { createParts } from './ui/parts';
import { createServices } from './ui/services';
import { createStatusBarItem } from './ui/statusBar';
import { watchPlanDocuments } from './ui/plan/watchPlanDocuments';

export function activate(context: vscode.ExtensionContext): void {
  useTranslator((message, ...values) => vscode.l10n.t(message, ...values));
  const services = createServices(context);
  const parts = createParts(services);
  context.subscriptions.push(
    registerCommands(services, parts),
    createStatusBarItem(services.machine),
    watchPlanDocuments(services),
    vscode.window.registerWebviewPanelSerializer(viewTypes.convert, {
      deserializeWebviewPanel: async (panel, memory: unknown) => (await parts.convertPanels()).restore(panel, memory),
    }),
    vscode.window.registerWebviewViewProvider(views.comparison, {
      resolveWebviewView: async (view) => (await parts.comparisons()).fillView(view),
    }),
    ...[viewTypes.report, viewTypes.anyReport].map((viewType) =>
      vscode.window.registerCustomEditorProvider(viewType, {
        resolveCustomTextEditor: async (document, panel) => (await parts.comparisons()).fillEditor(document, panel),
      }),
    ),
    vscode.window.registerCustomEditorProvider(viewTypes.engine, {
      openCustomDocument: (uri) => ({ uri, dispose: () => undefined }),
      resolveCustomEditor: async ({ uri }, panel) => (await parts.engines()).showEngine(uri.fsPath, panel, services),
    }),
  );
  services.log.info(`Precision Bench ${String((context.extension.packageJSON as { version: unknown }).version)}`);
}
