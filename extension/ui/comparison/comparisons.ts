/**
 * The comparison view: the side view with the history, and the same page as the editor of a report.json. Whatever shows a
 * report anywhere in the editor comes through here.
 */
import { basename } from 'node:path';
import * as vscode from 'vscode';
import { CodedError } from '../../contract/errors';
import { readReport } from '../../report/readReport';
import { contextKeys, views } from '../ids';
import { t } from '../l10n';
import type { Services } from '../services';
import { ComparisonPage, type ComparisonSource } from './comparisonPage';
import { reportId } from './runHistory';

const shownKey = 'comparison.shown';

interface Shown {
  readonly shown: string | null;
  readonly beside: string | null;
}

export class Comparisons {
  private readonly listeners = new Set<() => void>();

  constructor(private readonly services: Services) {
    services.history.onDidChange(() => void this.updateContext());
    void this.updateContext();
  }

  /** Fills the side view; its page is made anew whenever the view becomes visible again. */
  fillView(view: vscode.WebviewView): void {
    const page = new ComparisonPage(view.webview, this.services, {
      place: 'side',
      own: null,
      chosen: () => this.stored(),
      choose: (shown, beside) => this.store({ shown, beside }),
      onDidChange: (listener) => {
        this.listeners.add(listener);
        return () => this.listeners.delete(listener);
      },
    });
    view.onDidDispose(() => page.dispose());
  }

  /**
   * Shows a report in the side view.
   *
   * @param file a report.json
   * @throws CodedError REPORT_INVALID
   */
  async show(file: vscode.Uri, options: { preserveFocus?: boolean } = {}): Promise<void> {
    const report = await readReport(file.fsPath);
    const id = reportId(report, file.fsPath);
    if (this.services.history.record(id) === undefined) await this.services.history.add(report, file.fsPath);
    await this.store({ shown: id, beside: null });
    await vscode.commands.executeCommand(`${views.comparison}.focus`, {
      preserveFocus: options.preserveFocus ?? false,
    });
    for (const listener of this.listeners) listener();
  }

  /** Fills the editor of a report.json; a file that is no report of ours is opened as what it is. */
  async fillEditor(document: vscode.TextDocument, panel: vscode.WebviewPanel): Promise<void> {
    const file = document.uri.fsPath;
    try {
      await readReport(file);
    } catch (error) {
      if (!CodedError.is(error)) throw error;
      await vscode.commands.executeCommand('vscode.openWith', document.uri, 'default', panel.viewColumn);
      panel.dispose();
      return;
    }
    let beside: string | null = null;
    const source: ComparisonSource = {
      place: 'editor',
      own: async () => ({ report: await readReport(file), path: file }),
      chosen: () => ({ shown: 'file', beside }),
      choose: (_, other) => {
        beside = other;
        return Promise.resolve();
      },
      onDidChange: (listener) => {
        const pattern = new vscode.RelativePattern(vscode.Uri.joinPath(document.uri, '..'), basename(file));
        const watcher = vscode.workspace.createFileSystemWatcher(pattern);
        // A report is replaced by renaming: to the watcher it is created again.
        watcher.onDidChange(listener);
        watcher.onDidCreate(listener);
        return () => void watcher.dispose();
      },
    };
    const page = new ComparisonPage(panel.webview, this.services, source);
    panel.onDidDispose(() => page.dispose());
  }

  /** Lets the user choose among the reports of the history, or a file. */
  async pick(): Promise<vscode.Uri | null> {
    const entries = (await this.services.history.list()).filter(({ files }) => files === 'there');
    if (entries.length === 0) return this.askForFile();
    const items = entries.map(({ model, createdAt, path, recommended }) => ({
      label: model,
      description: new Date(createdAt).toLocaleString(vscode.env.language),
      detail: recommended === null ? path : `${recommended.toUpperCase()} · ${path}`,
      path,
    }));
    const other = { label: `$(folder-opened) ${t('Open Another Report…')}`, path: null };
    const chosen = await vscode.window.showQuickPick([...items, other], {
      title: t('Reports'),
      matchOnDetail: true,
    });
    if (chosen === undefined) return null;
    return chosen.path === null ? this.askForFile() : vscode.Uri.file(chosen.path);
  }

  private async askForFile(): Promise<vscode.Uri | null> {
    const [file] =
      (await vscode.window.showOpenDialog({
        title: t('Open Report'),
        filters: { [t('Precision Bench report')]: ['json'] },
      })) ?? [];
    return file ?? null;
  }

  private stored(): Shown {
    const kept = this.services.context.workspaceState.get<Partial<Shown>>(shownKey, {});
    return { shown: kept.shown ?? null, beside: kept.beside ?? null };
  }

  private async store(shown: Shown): Promise<void> {
    await this.services.context.workspaceState.update(shownKey, shown);
  }

  private async updateContext(): Promise<void> {
    const hasReports = (await this.services.history.list()).length > 0;
    await vscode.commands.executeCommand('setContext', contextKeys.hasReports, hasReports);
  }
}
