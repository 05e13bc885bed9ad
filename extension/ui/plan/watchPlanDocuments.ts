/** Watches which plan files are open; what looks at them (`planDocuments.ts`) is loaded with the first. */
import * as vscode from 'vscode';
import { once } from '../once';
import type { Services } from '../services';
import { isPlan } from './isPlan';
import type { PlanDocuments } from './planDocuments';

export function watchPlanDocuments(services: Services): vscode.Disposable {
  const made: PlanDocuments[] = [];
  const documents = once(async () => {
    const { PlanDocuments } = await import('./planDocuments');
    const created = new PlanDocuments(services);
    made.push(created);
    return created;
  });
  const look = (document: vscode.TextDocument) => {
    if (isPlan(document)) void documents().then((watcher) => watcher.schedule(document));
  };
  vscode.workspace.textDocuments.forEach(look);
  return vscode.Disposable.from(
    vscode.workspace.onDidOpenTextDocument(look),
    vscode.workspace.onDidChangeTextDocument(({ document }) => look(document)),
    vscode.workspace.onDidCloseTextDocument((document) => made.forEach((watcher) => watcher.forget(document))),
    vscode.workspace.onDidGrantWorkspaceTrust(() => vscode.workspace.textDocuments.forEach(look)),
    vscode.languages.registerCodeLensProvider(
      { scheme: 'file', pattern: '**/*.trtplan.json' },
      { provideCodeLenses: async (document) => (await documents()).provideCodeLenses(document) },
    ),
    { dispose: () => made.forEach((watcher) => watcher.dispose()) },
  );
}
