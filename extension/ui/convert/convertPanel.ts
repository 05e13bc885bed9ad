/**
 * A convert panel: the form for one model, beside the editor. Answers the page (`contract/panels/convertPanel.ts`), keeps the
 * plan, keeps it in step with its file, and starts conversions; those go on when the panel is closed.
 */
import * as path from 'node:path';
import { Type } from '@sinclair/typebox';
import * as vscode from 'vscode';
import { presets } from '../../calibrate/transforms/knownPresets';
import { resolvePreprocess } from '../../calibrate/transforms/presets';
import { relocatePlan } from '../../cli/relocatePlan';
import type { Channel } from '../../contract/channel';
import { checkPlan } from '../../contract/checkSchema';
import { CodedError } from '../../contract/errors';
import {
  browsable,
  type ConvertForm,
  type ConvertHostMethods,
  type ConvertHostSide,
  type ConvertPageSide,
  type ConvertPanelContents,
  type PlanCheck,
} from '../../contract/panels/convertPanel';
import { fixActions, type FixAction, type RunState } from '../../contract/panels/runState';
import type { Plan } from '../../contract/plan';
import type { ValueSpec } from '../../contract/tensor';
import { devices, devicesOf, platforms } from '../../plan/platforms';
import { readReport } from '../../report/readReport';
import { openHtmlReport } from '../comparison/openHtmlReport';
import { copyCommandLine } from '../copyCommandLine';
import { runGeneralFix } from '../errors/showError';
import { commands } from '../ids';
import { t } from '../l10n';
import { requireTrust } from '../requireTrust';
import { PlanFile } from '../plan/planFile';
import { schemaProblems } from '../plan/planProblems';
import { planSuffix, samePlan } from '../plan/planText';
import { conversionCommand, defaultPython, type ConversionOrder } from '../runs/conversion';
import type { Services } from '../services';
import { settings } from '../settings';
import { nothing, serve, shaped, webviewChannel, type Endpoints } from '../webview/webviewChannel';
import { webviewHtml, webviewOptions } from '../webview/webviewHtml';
import { browse } from './browse';
import { applyFix } from './planEdits';
import { problemsOf } from './planChecks';
import { precisionCapabilities } from './precisionCapabilities';

/** What a panel is opened with. */
export interface ConvertPanelStart {
  /** Absolute. */
  readonly modelPath: string;
  readonly plan: Plan;
  readonly planPath: string | null;
  /** The plan says other things than its file: a form that was not saved before the window was reloaded. */
  readonly isUnsaved?: boolean;
}

/** Runs are sent at most this often. */
const runsIntervalMs = 100;
const mostSamples = 16;

const planParams = (value: unknown): { readonly plan: Plan } => ({
  plan: checkPlan((value as { plan?: unknown } | null)?.plan, t('the form')),
});
const runParams = shaped({ runId: Type.String() });

export class ConvertPanel implements vscode.Disposable {
  private readonly channel: Channel<ConvertHostSide, ConvertPageSide>;
  private readonly subscriptions: vscode.Disposable[] = [];
  private file: PlanFile | null = null;
  /** Relative to `baseDir`. */
  private plan: Plan;
  private planPath: string | null;
  private isUnsaved: boolean;
  /** Chosen by the user instead of the setting's folder; null: the setting's. */
  private out: string | null = null;
  private runsTimer: NodeJS.Timeout | undefined;

  readonly modelPath: string;

  constructor(
    private readonly panel: vscode.WebviewPanel,
    private readonly services: Services,
    start: ConvertPanelStart,
    private readonly onLastPlan: (modelPath: string, plan: Plan) => void,
  ) {
    this.modelPath = start.modelPath;
    this.plan = start.plan;
    this.planPath = start.planPath;
    this.isUnsaved = start.isUnsaved ?? false;
    const { extensionUri } = services.context;
    // Those it was made with, unless the editor brought it back after a reload.
    panel.webview.options = webviewOptions;
    this.channel = webviewChannel<ConvertHostSide, ConvertPageSide>(panel.webview, services.log);
    serve(this.channel, this.endpoints());
    this.subscriptions.push(
      { dispose: this.channel.on('edited', ({ plan }) => void this.onEdited(plan)) },
      { dispose: services.conversions.queue.onDidChange((run) => this.onRun(run)) },
      { dispose: services.machine.onDidChange(() => this.channel.emit('machineChanged', {})) },
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.channel.emit('trustChanged', { trusted: true })),
      panel.onDidDispose(() => this.dispose()),
    );
    panel.webview.html = webviewHtml(extensionUri, 'convert', { contents: this.contents() });
    // What the page does not wait for: the editor takes one thing after the other.
    panel.iconPath = {
      light: vscode.Uri.joinPath(extensionUri, 'media', 'icons', 'convert-light.svg'),
      dark: vscode.Uri.joinPath(extensionUri, 'media', 'icons', 'convert-dark.svg'),
    };
    this.bindFile();
    this.updateTitle();
  }

  reveal(): void {
    this.panel.reveal();
  }

  /** Replaces the form: another plan file was opened for the model. */
  showPlan(plan: Plan, planPath: string): void {
    this.planPath = planPath;
    this.isUnsaved = false;
    this.bindFile();
    this.setPlan(plan);
  }

  async act(action: FixAction, runId: string | null): Promise<void> {
    const general = runGeneralFix(action);
    if (general !== null) return void (await general);
    const failure = runId === null ? null : (this.services.conversions.queue.get(runId)?.failure ?? null);
    const changed = applyFix(this.plan, action, failure?.variant ?? null);
    if (changed !== null) return this.changePlan(changed);
    switch (action) {
      case 'retry':
        return void this.start(this.plan);
      case 'chooseData':
        return this.choose('dataFolder', (data) => ({ calibration: { ...this.plan.calibration, data } }));
      case 'chooseEvaluationData':
        return this.choose('evaluationDataFolder', (data) => ({ evaluation: { ...this.plan.evaluation, data } }));
      case 'chooseLabels':
        return this.choose('labels', (labels) => ({ calibration: { ...this.plan.calibration, labels } }));
      case 'chooseOutput':
        return this.chooseOutput();
      case 'openPlan':
        if (this.planPath !== null) await vscode.window.showTextDocument(vscode.Uri.file(this.planPath));
        return;
      default:
        return;
    }
  }

  dispose(): void {
    clearTimeout(this.runsTimer);
    this.onLastPlan(this.modelPath, this.planForModelFolder());
    this.channel.dispose();
    this.file?.dispose();
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private get baseDir(): string {
    return path.dirname(this.planPath ?? this.modelPath);
  }

  private get form(): ConvertForm {
    const { plan, planPath, baseDir } = this;
    return { plan, planPath, baseDir, out: this.out ?? settings.outputFolder(this.modelPath) };
  }

  private endpoints(): Endpoints<ConvertHostMethods> {
    const { services } = this;
    return {
      load: { params: nothing, answer: () => this.contents() },
      inspect: { params: nothing, answer: () => services.models.inspect(this.modelPath) },
      machine: { params: shaped({ fresh: Type.Boolean() }), answer: ({ fresh }) => services.machine.probe(fresh) },
      capabilities: {
        params: planParams,
        answer: async ({ plan }) => precisionCapabilities(plan, (await services.machine.probe()).backends),
      },
      check: { params: (value) => value as { plan: Plan }, answer: ({ plan }) => this.check(plan) },
      nodes: {
        params: planParams,
        answer: ({ plan }, options) => services.models.nodes(this.modelPath, plan, options),
      },
      steps: { params: planParams, answer: ({ plan }) => this.steps(plan) },
      browse: {
        params: shaped({ what: Type.Union(browsable.map((name) => Type.Literal(name))) }),
        answer: ({ what }) => browse(what, this.baseDir),
      },
      preview: {
        params: (value) => ({ ...previewParams(value ?? {}), ...planParams(value) }),
        answer: ({ plan, of, count }, { signal }) => {
          requireTrust();
          const python = settings.python(vscode.Uri.file(this.modelPath)) ?? defaultPython;
          const { baseDir, modelPath: model } = this;
          return services.inspectionWorker.request(
            'previewData',
            { model, plan, baseDir, python, of, pick: { count: Math.min(mostSamples, Math.max(1, count)) } },
            { signal },
          );
        },
      },
      savePlan: {
        params: (value) => ({ ...planParams(value), as: (value as { as?: unknown }).as === true }),
        answer: ({ plan, as }) => this.save(plan, as),
      },
      start: { params: planParams, answer: ({ plan }) => this.start(plan) },
      cancel: { params: runParams, answer: ({ runId }) => (this.services.conversions.queue.cancel(runId), null) },
      act: {
        params: shaped({
          action: Type.Union(fixActions.map((name) => Type.Literal(name))),
          runId: Type.Union([Type.String(), Type.Null()]),
        }),
        answer: async ({ action, runId }) => (await this.act(action, runId), null),
      },
      showReport: {
        params: runParams,
        answer: async ({ runId }) => {
          openHtmlReport(await readReport(this.reportOf(runId)), path.basename(this.modelPath));
          return null;
        },
      },
      showComparison: {
        params: runParams,
        answer: async ({ runId }) => {
          const report = vscode.Uri.file(this.reportOf(runId));
          return (await vscode.commands.executeCommand(commands.openReport, report), null);
        },
      },
      copyCommand: {
        params: planParams,
        answer: async ({ plan }) => {
          return (await copyCommandLine(conversionCommand(this.order(plan)).text), null);
        },
      },
    };
  }

  private contents(): ConvertPanelContents {
    return {
      modelPath: this.modelPath,
      modelName: path.basename(this.modelPath),
      form: this.form,
      presets: Object.entries(presets).map(([name, { description }]) => ({ name, description })),
      targets: platforms.map(({ target }) => ({
        target,
        devices: devicesOf(target),
        dla: devices.some((device) => device.target === target && device.dla),
      })),
      runs: this.runs(),
      trusted: vscode.workspace.isTrusted,
    };
  }

  private async check(plan: Plan): Promise<PlanCheck> {
    const faults = schemaProblems(plan);
    if (faults.length > 0) return { command: '', problems: faults };
    const problems = await problemsOf(plan, this.baseDir, this.services.machine.known, this.services.models, () =>
      this.channel.emit('machineChanged', {}),
    );
    return { command: conversionCommand(this.order(plan)).text, problems };
  }

  private async steps(plan: Plan) {
    const { card } = await this.services.models.inspect(this.modelPath);
    return resolvePreprocess(plan.preprocess, this.baseDir, card.inputs as ValueSpec[]);
  }

  private order(plan: Plan): ConversionOrder {
    const model = vscode.Uri.file(this.modelPath);
    const folder = vscode.workspace.getWorkspaceFolder(model)?.uri.fsPath;
    return {
      plan,
      baseDir: this.baseDir,
      planFile: this.planPath,
      out: this.form.out,
      cwd: folder ?? path.dirname(this.modelPath),
      python: settings.python(model),
      timeBudget: settings.timeBudget(model),
    };
  }

  private async start(plan: Plan): Promise<{ runId: string }> {
    requireTrust();
    const problems = await problemsOf(plan, this.baseDir, this.services.machine.known, null, () => undefined);
    const [first] = problems.filter(({ severity }) => severity === 'error');
    if (first !== undefined) {
      const field = first.pointer.split('/').slice(1).join('.');
      throw new CodedError({ code: 'PLAN_INVALID', reason: first.reason, fix: first.fix, place: { field } });
    }
    this.onLastPlan(this.modelPath, this.planForModelFolder());
    return { runId: this.services.conversions.start(this.order(plan)).id };
  }

  /** An edit of the form. One that is not valid is kept by the page alone, until it is. */
  private async onEdited(json: unknown): Promise<void> {
    if (schemaProblems(json).length > 0) return;
    const plan = checkPlan(json, t('the form'));
    if (samePlan(plan, this.plan)) return;
    this.plan = plan;
    await this.afterEdit();
  }

  /** A change by a button: the page learns of it, too. */
  private async changePlan(plan: Plan): Promise<void> {
    this.setPlan(plan);
    await this.afterEdit();
  }

  private async afterEdit(): Promise<void> {
    const isShown = (await this.file?.show(this.plan)) ?? false;
    this.isUnsaved = this.file !== null && !isShown;
    this.updateTitle();
  }

  private setPlan(plan: Plan): void {
    this.plan = plan;
    this.updateTitle();
    this.channel.emit('planChanged', this.form);
  }

  /** @returns the file that now holds the plan, or null when the dialog was closed */
  private async save(plan: Plan, as: boolean): Promise<string | null> {
    const target = as || this.planPath === null ? await this.askForPlanPath() : this.planPath;
    if (target === null) return null;
    const moved = relocatePlan(plan, this.baseDir, path.dirname(target));
    if (target !== this.planPath) {
      this.planPath = target;
      this.bindFile();
    }
    // Before it is written, so that the file's own change says nothing new.
    this.plan = moved;
    await this.file?.save(moved);
    this.isUnsaved = false;
    this.setPlan(moved);
    return target;
  }

  private async askForPlanPath(): Promise<string | null> {
    const name = path.basename(this.modelPath).replace(/\.onnx$/i, '');
    const chosen = await vscode.window.showSaveDialog({
      title: t('Save Plan'),
      defaultUri: vscode.Uri.file(this.planPath ?? path.join(path.dirname(this.modelPath), `${name}${planSuffix}`)),
      filters: { [t('Precision Bench plan')]: ['trtplan.json'] },
    });
    if (chosen === undefined) return null;
    return chosen.fsPath.endsWith(planSuffix) ? chosen.fsPath : `${chosen.fsPath.replace(/\.json$/i, '')}${planSuffix}`;
  }

  private bindFile(): void {
    this.file?.dispose();
    this.file =
      this.planPath === null
        ? null
        : new PlanFile(this.planPath, (plan) => {
            if (samePlan(plan, this.plan)) return;
            this.isUnsaved = false;
            this.setPlan(plan);
          });
  }

  private async choose(
    what: 'dataFolder' | 'evaluationDataFolder' | 'labels',
    change: (chosen: string) => Partial<Plan>,
  ): Promise<void> {
    const chosen = await browse(what, this.baseDir);
    if (chosen !== null) await this.changePlan({ ...this.plan, ...change(chosen) });
  }

  private async chooseOutput(): Promise<void> {
    const [folder] =
      (await vscode.window.showOpenDialog({
        title: t('Output Folder'),
        canSelectFiles: false,
        canSelectFolders: true,
        defaultUri: vscode.Uri.file(path.dirname(this.modelPath)),
      })) ?? [];
    if (folder === undefined) return;
    this.out = folder.fsPath;
    this.channel.emit('planChanged', this.form);
  }

  /** The plan as it is remembered for a model without a plan file. */
  private planForModelFolder(): Plan {
    return relocatePlan(this.plan, this.baseDir, path.dirname(this.modelPath));
  }

  private runs(): readonly RunState[] {
    return this.services.conversions.queue.runs.filter(({ model }) => model === this.modelPath);
  }

  private onRun(run: RunState): void {
    if (run.model !== this.modelPath) return;
    this.runsTimer ??= setTimeout(() => {
      this.runsTimer = undefined;
      this.channel.emit('runs', this.runs());
    }, runsIntervalMs);
  }

  /** @throws CodedError REPORT_INVALID */
  private reportOf(runId: string): string {
    const file = this.services.conversions.queue.get(runId)?.reportPath ?? null;
    if (file !== null) return file;
    throw new CodedError({
      code: 'REPORT_INVALID',
      reason: t('This run has no report.'),
      fix: t('Convert the model again.'),
    });
  }

  private updateTitle(): void {
    const title = t('Convert {0}', path.basename(this.modelPath));
    this.panel.title = this.isUnsaved ? `● ${title}` : title;
  }
}

const previewShape = shaped({
  plan: Type.Unknown(),
  of: Type.Union([Type.Literal('calibration'), Type.Literal('evaluation')]),
  count: Type.Integer(),
});
function previewParams(value: object) {
  const { of, count } = previewShape(value);
  return { of, count };
}
