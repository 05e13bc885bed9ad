/**
 * A plan file that a convert panel is in step with. While the file is open in an editor, edits of the form go into its
 * document, where they can be undone and saved like any others; while it is not, the form keeps them until *Save plan*. What
 * changes in the document, or on disk, comes back to the form.
 */
import { readFile } from 'node:fs/promises';
import * as vscode from 'vscode';
import { CodedError } from '../../contract/errors';
import type { Plan } from '../../contract/plan';
import { writeAtomically } from '../../files/writeAtomically';
import { changedRange, editPlanText, newPlanText, readPlanText } from './planText';

export class PlanFile implements vscode.Disposable {
  private readonly uri: vscode.Uri;
  private readonly subscriptions: vscode.Disposable[] = [];

  /** @param onChange called with what the file says after somebody else changed it; not while it says nothing valid */
  constructor(
    readonly path: string,
    private readonly onChange: (plan: Plan) => void,
  ) {
    this.uri = vscode.Uri.file(path);
    const watcher = vscode.workspace.createFileSystemWatcher(
      new vscode.RelativePattern(vscode.Uri.joinPath(this.uri, '..'), path.split(/[/\\]/).at(-1) ?? '*'),
    );
    this.subscriptions.push(
      watcher,
      watcher.onDidChange(() => this.changedOnDisk()),
      watcher.onDidCreate(() => this.changedOnDisk()),
      vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        if (document.uri.toString() === this.uri.toString() && contentChanges.length > 0) this.tell(document.getText());
      }),
    );
  }

  /** Writes the plan into the document, if the file is open in an editor. @returns false when it is not */
  async show(plan: Plan): Promise<boolean> {
    const document = this.openDocument();
    if (document === undefined) return false;
    const before = document.getText();
    const after = editPlanText(before, plan);
    // What is no JSON is being typed; the form must not write over it.
    if (after === null || after === before) return true;
    const { start, end, text } = changedRange(before, after);
    const edit = new vscode.WorkspaceEdit();
    edit.replace(this.uri, new vscode.Range(document.positionAt(start), document.positionAt(end)), text);
    return vscode.workspace.applyEdit(edit);
  }

  /** Puts the plan on disk. @throws CodedError OUTPUT_UNWRITABLE */
  async save(plan: Plan): Promise<void> {
    const document = this.openDocument();
    if (document !== undefined && editPlanText(document.getText(), plan) !== null) {
      await this.show(plan);
      if (await document.save()) return;
    }
    const before = await readFile(this.path, 'utf8').catch(() => null);
    await writeAtomically(this.path, (before === null ? null : editPlanText(before, plan)) ?? newPlanText(plan));
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private changedOnDisk(): void {
    // An open document follows the disk by itself, and tells.
    if (this.openDocument() !== undefined) return;
    readFile(this.path, 'utf8').then(
      (text) => this.tell(text),
      () => undefined,
    );
  }

  private tell(text: string): void {
    try {
      this.onChange(readPlanText(text, this.path));
    } catch (error) {
      // Half typed; the diagnostics say what is wrong.
      if (!CodedError.is(error)) throw error;
    }
  }

  private openDocument(): vscode.TextDocument | undefined {
    const key = this.uri.toString();
    const isShown = vscode.window.tabGroups.all.some(({ tabs }) =>
      tabs.some(({ input }) => input instanceof vscode.TabInputText && input.uri.toString() === key),
    );
    if (!isShown) return undefined;
    return vscode.workspace.textDocuments.find((document) => document.uri.toString() === key);
  }
}
