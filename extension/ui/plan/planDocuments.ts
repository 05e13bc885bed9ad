/**
 * What the editor shows on plan files while they are open: problems with their places, and above the file a line that opens
 * the form. The problems are those of the convert panel (`convert/planChecks.ts`).
 */
import { dirname } from 'node:path';
import * as vscode from 'vscode';
import type { PlanProblem } from '../../contract/panels/convertPanel';
import { checkPlan } from '../../contract/checkSchema';
import { problemsOf } from '../convert/planChecks';
import { commands } from '../ids';
import { t } from '../l10n';
import type { Services } from '../services';
import { isPlan } from './isPlan';
import { rangeOfPointer } from './planPositions';
import { schemaProblems } from './planProblems';
import { parseObject } from './planText';

/** After the last key stroke. */
const pauseMs = 400;

export class PlanDocuments implements vscode.Disposable {
  private readonly diagnostics = vscode.languages.createDiagnosticCollection('precision-bench');
  private readonly timers = new Map<string, NodeJS.Timeout>();
  private readonly subscriptions: vscode.Disposable[];

  constructor(private readonly services: Services) {
    const all = () => vscode.workspace.textDocuments.forEach((document) => this.schedule(document));
    this.subscriptions = [
      // What the machine can do is part of the answer, and so is what may be looked into.
      { dispose: services.machine.onDidChange(all) },
      vscode.workspace.onDidGrantWorkspaceTrust(all),
      vscode.workspace.onDidCloseTextDocument((document) => this.forget(document)),
    ];
  }

  /** Checks the document once the user pauses. */
  schedule(document: vscode.TextDocument): void {
    if (!isPlan(document)) return;
    const key = document.uri.toString();
    clearTimeout(this.timers.get(key));
    this.timers.set(
      key,
      setTimeout(() => {
        this.timers.delete(key);
        this.check(document).catch((error: unknown) => this.services.log.error(String(error)));
      }, pauseMs),
    );
  }

  private forget(document: vscode.TextDocument): void {
    clearTimeout(this.timers.get(document.uri.toString()));
    this.diagnostics.delete(document.uri);
  }

  provideCodeLenses(): vscode.CodeLens[] {
    const top = new vscode.Range(0, 0, 0, 0);
    return [
      new vscode.CodeLens(top, {
        title: `$(rocket) ${t('Open in Convert Panel')}`,
        command: commands.openPlan,
      }),
    ];
  }

  dispose(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
    for (const subscription of this.subscriptions) subscription.dispose();
    this.diagnostics.dispose();
  }

  private async check(document: vscode.TextDocument): Promise<void> {
    const { version } = document;
    const text = document.getText();
    const found = await this.problems(document, text);
    // Closed or edited meanwhile: the next check says what holds then.
    if (document.isClosed || document.version !== version) return;
    this.diagnostics.set(
      document.uri,
      found.map((problem) => toDiagnostic(problem, text, document)),
    );
  }

  private async problems(document: vscode.TextDocument, text: string): Promise<PlanProblem[]> {
    const json = parseObject(text);
    // The JSON language service marks what is no JSON; one more mark on it would be noise.
    if (json === null) return [];
    const faults = schemaProblems(json);
    if (faults.length > 0) return faults;
    const models = vscode.workspace.isTrusted ? this.services.models : null;
    const plan = checkPlan(json, document.uri.fsPath);
    return problemsOf(plan, dirname(document.uri.fsPath), this.services.machine.known, models, () =>
      this.schedule(document),
    );
  }
}

const severities = {
  error: vscode.DiagnosticSeverity.Error,
  warning: vscode.DiagnosticSeverity.Warning,
  info: vscode.DiagnosticSeverity.Information,
} as const;

function toDiagnostic(problem: PlanProblem, text: string, document: vscode.TextDocument): vscode.Diagnostic {
  const { start, end } = rangeOfPointer(text, problem.pointer);
  const range = new vscode.Range(document.positionAt(start), document.positionAt(end));
  const diagnostic = new vscode.Diagnostic(range, `${problem.reason} ${problem.fix}`, severities[problem.severity]);
  diagnostic.source = 'Precision Bench';
  diagnostic.code = problem.code;
  return diagnostic;
}
