/**
 * The editor's entry: wires and registers, nothing else. What does the work is a bundle of its own (`ui/editor.ts`,
 * `dist/editor.cjs`), loaded with the first command, view, editor or plan file that needs it. No process starts and nothing
 * native is loaded here.
 */
import * as vscode from 'vscode';
import { commands, viewTypes, views } from './ui/ids';
import { once } from './ui/once';
import { isPlan } from './ui/plan/isPlan';
import { createStatusBarItem } from './ui/statusBar';

/** Ends what was started; replaced once there is something to end. */
let stop: () => Promise<void> = () => Promise.resolve();

export function activate(context: vscode.ExtensionContext): void {
  const statusBar = createStatusBarItem();
  const editor = once(async () => {
    const created = (await import('./ui/editor')).createEditor(context, statusBar);
    stop = created.stop;
    return created;
  });
  const showProblems = (document: vscode.TextDocument) => {
    if (isPlan(document)) void editor().then(({ planDocuments }) => planDocuments.schedule(document));
  };
  vscode.workspace.textDocuments.forEach(showProblems);
  const { window, workspace } = vscode;
  context.subscriptions.push(
    statusBar,
    ...Object.values(commands).map((command) =>
      vscode.commands.registerCommand(command, async (...args: unknown[]) => (await editor()).run(command, args)),
    ),
    window.registerWebviewPanelSerializer(viewTypes.convert, {
      deserializeWebviewPanel: async (panel, memory: unknown) => (await editor()).convertPanels.restore(panel, memory),
    }),
    window.registerWebviewViewProvider(views.comparison, {
      resolveWebviewView: async (view) => (await editor()).comparisons.fillView(view),
    }),
    ...[viewTypes.report, viewTypes.anyReport].map((viewType) =>
      window.registerCustomEditorProvider(viewType, {
        resolveCustomTextEditor: async (document, panel) => (await editor()).comparisons.fillEditor(document, panel),
      }),
    ),
    window.registerCustomEditorProvider(viewTypes.engine, {
      openCustomDocument: (uri) => ({ uri, dispose: () => undefined }),
      resolveCustomEditor: async ({ uri }, panel) => (await editor()).showEngine(uri, panel),
    }),
    workspace.onDidOpenTextDocument(showProblems),
    workspace.onDidChangeTextDocument(({ document }) => showProblems(document)),
    vscode.languages.registerCodeLensProvider(
      { scheme: 'file', pattern: '**/*.trtplan.json' },
      { provideCodeLenses: async () => (await editor()).planDocuments.provideCodeLenses() },
    ),
  );
}

/** The editor waits for this when a window closes or reloads: conversions take their half-written files with them. */
export function deactivate(): Promise<void> {
  return stop();
}
