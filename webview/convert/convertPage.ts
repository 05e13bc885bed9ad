/**
 * The convert page's behaviour: holds the state, asks the host, and follows what the host tells.
 *
 * Questions about the plan (`check`, `capabilities`, `nodes`) are asked again after an edit, the older ones being
 * cancelled; an answer to an older plan is dropped.
 */
import type { Channel, RequestOptions } from '../../extension/contract/channel';
import { CodedError } from '../../extension/contract/errors';
import type {
  ConvertForm,
  ConvertHostSide,
  ConvertPageSide,
  ConvertPanelContents,
  ConvertPanelMemory,
} from '../../extension/contract/panels/convertPanel';
import type { FixAction } from '../../extension/contract/panels/runState';
import { t } from '../common/l10n';
import { loading, readyValue, settled, type Loaded } from '../common/loaded';
import type { ConvertActions, ConvertState, ConvertView, FoldId, Purpose, SectionId } from './convertState';
import { pointerKeys } from './fieldSpec';
import { formOf, replacePlan, setSteps, setValue, shapesFromData, typeInto, type PlanForm } from './planForm';

/** As the contract asks: long enough to type on, short enough to feel live. */
const settleMs = 150;
const previewCount = 6;

const sectionOfField: Readonly<Record<string, SectionId>> = {
  model: 'model',
  precisions: 'precisions',
  backend: 'precisions',
  targets: 'precisions',
  calibration: 'calibration',
  preprocess: 'preprocess',
  evaluation: 'evaluation',
  gates: 'evaluation',
  bindings: 'bindings',
  shapes: 'bindings',
  keep: 'layers',
  builder: 'builder',
  benchmark: 'benchmark',
};

type HostChannel = Channel<ConvertPageSide, ConvertHostSide>;
type HostMethods = ConvertHostSide['methods'];

export class ConvertPage {
  state: ConvertState;
  private questions = new AbortController();
  private timer: ReturnType<typeof setTimeout> | null = null;
  private nodesPlan: unknown = null;

  constructor(
    private readonly channel: HostChannel,
    contents: ConvertPanelContents,
    view: ConvertView,
    private readonly onChange: () => void,
    private readonly remember: (memory: ConvertPanelMemory) => void,
  ) {
    const { form, runs, trusted } = contents;
    this.state = {
      contents,
      form: formOf(form.plan),
      planPath: form.planPath,
      baseDir: form.baseDir,
      out: form.out,
      model: loading,
      machine: loading,
      capabilities: loading,
      check: null,
      nodes: null,
      previews: { calibration: null, evaluation: null },
      runs,
      trusted,
      view,
      // Where the user had scrolled to, all is in view.
      isWhole: view.scroll > 0,
      layerScroll: 0,
      inFull: [],
      refusal: null,
      announcement: '',
    };
    this.listen();
    this.keep();
  }

  /**
   * Draws the rest of the form and asks for all that is not in the plan. To be called once the form is seen: the answers
   * start a process, which takes time from the drawing.
   */
  begin(): void {
    this.change({ isWhole: true });
    void this.loadModel();
    void this.loadMachine(false);
    void this.askAboutPlan();
    if (this.state.view.open.includes('layers')) void this.loadNodes();
  }

  readonly actions: ConvertActions = {
    edit: (change) => this.edit(change),
    browse: (what, pointer) =>
      void this.attempt(async () => {
        const path = await this.ask('browse', { what });
        if (path !== null) this.edit((form) => this.withPath(form, pointer, path));
      }),
    preview: (of) => void this.loadPreview(of),
    fillShapes: () => void this.fillShapes(),
    editSteps: () =>
      void this.attempt(async () => {
        const steps = await this.ask('steps', { plan: this.state.form.plan });
        this.edit((form) => setSteps(form, steps));
      }),
    searchMachine: () => void this.loadMachine(true),
    reloadModel: () => void this.loadModel(),
    reloadNodes: () => void this.loadNodes(),
    toggle: (id, open) => this.toggle(id, open),
    searchLayers: (layerSearch) => this.change({ layerScroll: 0, view: { ...this.state.view, layerSearch } }),
    scrollLayers: (layerScroll) => this.change({ layerScroll }),
    savePlan: (as) =>
      void this.attempt(async () => {
        const path = await this.ask('savePlan', { plan: this.state.form.plan, as });
        if (path !== null) this.change({ planPath: path, announcement: t('The plan is saved.') });
      }),
    copyCommand: () =>
      void this.attempt(async () => {
        await this.ask('copyCommand', { plan: this.state.form.plan });
        this.change({ announcement: t('The command line is copied.') });
      }),
    start: () =>
      void this.attempt(async () => {
        await this.ask('start', { plan: this.state.form.plan });
        this.change({ announcement: t('The conversion is queued.') });
      }),
    cancel: (runId) => void this.attempt(() => this.ask('cancel', { runId })),
    act: (action, runId) => void this.act(action, runId),
    showReport: (runId) => void this.attempt(() => this.ask('showReport', { runId })),
    showComparison: (runId) => void this.attempt(() => this.ask('showComparison', { runId })),
    goTo: (pointer) => this.goTo(pointer),
    showInFull: (list) => this.change({ inFull: [...this.state.inFull, list] }),
    dismissRefusal: () => this.change({ refusal: null }),
  };

  /** To be called where the user scrolls; nothing is drawn for it. */
  rememberScroll(scroll: number): void {
    this.state = { ...this.state, view: { ...this.state.view, scroll } };
    this.keep();
  }

  private listen(): void {
    this.channel.on('planChanged', (form) => this.takeForm(form));
    this.channel.on('runs', (runs) => this.change({ runs }));
    this.channel.on('machineChanged', () => {
      void this.loadMachine(false);
      void this.askAboutPlan();
    });
    this.channel.on('trustChanged', ({ trusted }) => this.change({ trusted }));
  }

  private change(part: Partial<ConvertState>): void {
    this.state = { ...this.state, ...part };
    this.onChange();
    this.keep();
  }

  private keep(): void {
    const { contents, planPath, form, view } = this.state;
    this.remember({ modelPath: contents.modelPath, planPath, plan: form.plan, view });
  }

  private ask<K extends keyof HostMethods>(
    method: K,
    params: HostMethods[K]['params'],
    options?: RequestOptions,
  ): Promise<HostMethods[K]['result']> {
    return this.channel.request(method, params, options);
  }

  /** What the user pressed; a refusal is shown. */
  private async attempt(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const { code, ...rest } = CodedError.from(error).toJSON();
      if (code !== 'CANCELLED') this.change({ refusal: { code, ...rest } });
    }
  }

  private edit(change: (form: PlanForm) => PlanForm): void {
    const before = this.state.form.plan;
    const form = change(this.state.form);
    this.change({ form, refusal: null });
    if (form.plan === before) return;
    this.channel.emit('edited', { plan: form.plan });
    this.askAboutPlanSoon();
  }

  /** The plan as the host has it: edited in its file, or by a button. */
  private takeForm({ plan, planPath, baseDir, out }: ConvertForm): void {
    this.change({ form: replacePlan(this.state.form, plan), planPath, baseDir, out });
    this.askAboutPlanSoon();
  }

  private withPath(form: PlanForm, pointer: string, path: string): PlanForm {
    return pointer === '/preprocess' ? setValue(form, pointer, path) : typeInto(form, pointer, path);
  }

  private askAboutPlanSoon(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.askAboutPlan(), settleMs);
  }

  private async askAboutPlan(): Promise<void> {
    this.questions.abort();
    this.questions = new AbortController();
    const { signal } = this.questions;
    const { plan } = this.state.form;
    const capabilities = settled(this.ask('capabilities', { plan }, { signal }));
    const check = settled(this.ask('check', { plan }, { signal }));
    if (this.state.view.open.includes('layers')) void this.loadNodes();
    const checked = await check;
    if (signal.aborted) return;
    if (checked.state === 'ready') this.change({ check: checked.value });
    else if (checked.state === 'failed') this.change({ refusal: checked.error });
    const known = await capabilities;
    if (!signal.aborted) this.change({ capabilities: known });
  }

  private async loadModel(): Promise<void> {
    this.change({ model: loading });
    this.change({ model: await settled(this.ask('inspect', {})) });
  }

  private async loadMachine(fresh: boolean): Promise<void> {
    if (fresh) this.change({ machine: loading });
    this.change({ machine: await settled(this.ask('machine', { fresh })) });
    if (fresh) await this.askAboutPlan();
  }

  /** Decisions depend on precisions and rules only; other edits need no new answer. */
  private async loadNodes(): Promise<void> {
    const { plan } = this.state.form;
    const key = JSON.stringify([plan.precisions, plan.keep]);
    if (key === this.nodesPlan && readyValue(this.state.nodes) !== null) return;
    this.nodesPlan = key;
    // The old table stays while the new one is made, so that it does not jump under the user's hand.
    if (readyValue(this.state.nodes) === null) this.change({ nodes: loading });
    const nodes = await settled(this.ask('nodes', { plan }));
    if (this.nodesPlan === key) this.change({ nodes });
  }

  private async loadPreview(of: Purpose): Promise<void> {
    this.setPreview(of, loading);
    const { plan } = this.state.form;
    this.setPreview(of, await settled(this.ask('preview', { plan, of, count: previewCount })));
  }

  private setPreview(of: Purpose, preview: ConvertState['previews'][Purpose]): void {
    this.change({ previews: { ...this.state.previews, [of]: preview } });
  }

  private async fillShapes(): Promise<void> {
    await this.loadPreview('calibration');
    const preview: Loaded<{ sampleDims: Readonly<Record<string, readonly number[]>> }> | null =
      this.state.previews.calibration;
    const card = readyValue(this.state.model)?.card;
    if (preview?.state === 'failed') this.change({ refusal: preview.error });
    if (preview?.state !== 'ready' || card === undefined) return;
    this.edit((form) => shapesFromData(form, card.inputs, preview.value.sampleDims));
  }

  private async act(action: FixAction, runId: string | null): Promise<void> {
    await this.attempt(() => this.ask('act', { action, runId }));
  }

  private toggle(id: SectionId | FoldId, open: boolean): void {
    const others = this.state.view.open.filter((other) => other !== id);
    if (open === this.state.view.open.includes(id)) return;
    this.change({ view: { ...this.state.view, open: open ? [...others, id] : others } });
    if (id === 'layers' && open) void this.loadNodes();
  }

  private goTo(pointer: string): void {
    const id = sectionOfField[pointerKeys(pointer)[0] ?? ''];
    if (id !== undefined) this.toggle(id, true);
    if (pointer === '/targets') this.toggle('targets', true);
    this.change({ inFull: ['bindings', 'shapes'] });
    // The section's contents are drawn with the next frame.
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        const field = [...document.querySelectorAll<HTMLElement>('[data-field]')].find(
          ({ dataset }) => dataset['field'] === pointer,
        );
        const target = field ?? document.getElementById(`section-${id ?? 'model'}`);
        target?.scrollIntoView({ block: 'center' });
        (field ?? target?.querySelector('summary'))?.focus();
      }),
    );
  }
}
