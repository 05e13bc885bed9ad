/** The convert panels of a window, one per model: opened by command, brought back after a reload, found again by a run's end. */
import * as path from 'node:path';
import * as vscode from 'vscode';
import { checkPlan } from '../../contract/checkSchema';
import { CodedError, cancelled } from '../../contract/errors';
import type { FixAction, RunState } from '../../contract/panels/runState';
import type { Plan } from '../../contract/plan';
import { viewTypes } from '../ids';
import { t } from '../l10n';
import { readPlanText, samePlan } from '../plan/planText';
import { proposePlan } from '../plan/proposePlan';
import type { Services } from '../services';
import { settings } from '../settings';
import { webviewOptions } from '../webview/webviewHtml';
import { ConvertPanel, type ConvertPanelStart } from './convertPanel';

/** Plans of models without a plan file, by model path, the last ones used. */
const lastPlansKey = 'lastPlans';
const keptPlans = 30;

export class ConvertPanels {
  /** By model path. A panel is shown at once; what fills it may still be read. */
  private readonly open = new Map<string, Promise<ConvertPanel>>();

  constructor(private readonly services: Services) {}

  /** @param model absolute path of an ONNX file */
  async show(model: string): Promise<ConvertPanel> {
    const known = this.open.get(model);
    if (known === undefined) return this.create(model, this.proposal(model, this.lastPlans()[model]));
    (await known).reveal();
    return known;
  }

  /** Opens the form with a plan file. @throws CodedError PLAN_INVALID */
  async showPlan(planFile: vscode.Uri): Promise<ConvertPanel> {
    const document = await vscode.workspace.openTextDocument(planFile);
    const plan = readPlanText(document.getText(), planFile.fsPath);
    const modelPath = path.resolve(path.dirname(planFile.fsPath), plan.model);
    const known = await this.open.get(modelPath);
    if (known === undefined) return this.create(modelPath, { modelPath, plan, planPath: planFile.fsPath });
    known.showPlan(plan, planFile.fsPath);
    known.reveal();
    return known;
  }

  /** Opens the form with a plan that has no file, such as that of a report. */
  async showWith(modelPath: string, plan: Plan): Promise<ConvertPanel> {
    if (this.open.has(modelPath)) return this.show(modelPath);
    return this.create(modelPath, { modelPath, plan, planPath: null });
  }

  /** Presses a button of a run's failure, on the panel of its model. */
  async act(run: RunState, action: FixAction): Promise<void> {
    const panel = await this.show(run.model);
    await panel.act(action, run.id);
  }

  /** Fills a panel that the editor brought back after a reload. @param memory what its page kept */
  async restore(panel: vscode.WebviewPanel, memory: unknown): Promise<void> {
    const start = await this.remembered(memory);
    if (start === null || this.open.has(start.modelPath)) {
      panel.dispose();
      return;
    }
    await this.fill(panel, start.modelPath, start);
  }

  /** Shows the panel before it returns: the editor prepares the frame for its page while `start` is on its way. */
  private create(modelPath: string, start: ConvertPanelStart | Promise<ConvertPanelStart>): Promise<ConvertPanel> {
    const panel = vscode.window.createWebviewPanel(
      viewTypes.convert,
      t('Convert {0}', path.basename(modelPath)),
      { viewColumn: vscode.ViewColumn.Beside, preserveFocus: false },
      webviewOptions,
    );
    return this.fill(panel, modelPath, start);
  }

  private fill(
    panel: vscode.WebviewPanel,
    modelPath: string,
    start: ConvertPanelStart | Promise<ConvertPanelStart>,
  ): Promise<ConvertPanel> {
    let isClosed = false;
    panel.onDidDispose(() => {
      isClosed = true;
      this.open.delete(modelPath);
    });
    const filled = (async () => {
      try {
        const started = await start;
        if (isClosed) throw cancelled();
        return new ConvertPanel(panel, this.services, started, (model, plan) => this.keep(model, plan));
      } catch (error) {
        panel.dispose();
        throw error;
      }
    })();
    this.open.set(modelPath, filled);
    return filled;
  }

  private async proposal(model: string, lastUsed: unknown): Promise<ConvertPanelStart> {
    const precisions = settings.precisions(vscode.Uri.file(model));
    return { modelPath: model, ...(await proposePlan(model, { lastUsed, precisions })) };
  }

  /** The page's memory, checked: it comes from a web page, perhaps of another version. */
  private async remembered(memory: unknown): Promise<ConvertPanelStart | null> {
    const { modelPath, planPath, plan } = (memory ?? {}) as Partial<Record<'modelPath' | 'planPath' | 'plan', unknown>>;
    if (typeof modelPath !== 'string' || !path.isAbsolute(modelPath)) return null;
    const kept = attempt(() => checkPlan(plan, t('the form')));
    if (typeof planPath !== 'string' || !path.isAbsolute(planPath)) {
      if (kept !== null) return { modelPath, plan: kept, planPath: null };
      return this.proposal(modelPath, null);
    }
    const document = await vscode.workspace.openTextDocument(planPath).then(
      (opened) => opened,
      () => null,
    );
    const written = document === null ? null : attempt(() => readPlanText(document.getText(), planPath));
    if (written === null) return kept === null ? null : { modelPath, plan: kept, planPath: null };
    const isUnsaved = kept !== null && !samePlan(kept, written);
    return { modelPath, plan: kept ?? written, planPath, isUnsaved };
  }

  private lastPlans(): Readonly<Record<string, unknown>> {
    return this.services.context.workspaceState.get<Record<string, unknown>>(lastPlansKey, {});
  }

  private keep(model: string, plan: Plan): void {
    const others = Object.entries(this.lastPlans()).filter(([other]) => other !== model);
    const kept = [...others.slice(-(keptPlans - 1)), [model, plan] as const];
    void this.services.context.workspaceState.update(lastPlansKey, Object.fromEntries(kept));
  }
}

function attempt<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (CodedError.is(error)) return null;
    throw error;
  }
}
