/**
 * The host's end of a comparison page, in the side view or as the editor of a report: answers the page
 * (`contract/panels/comparisonView.ts`), remembers what is shown.
 */
import * as path from 'node:path';
import { writeFile } from 'node:fs/promises';
import { Type } from '@sinclair/typebox';
import * as vscode from 'vscode';
import type { Channel } from '../../contract/channel';
import { CodedError } from '../../contract/errors';
import type {
  ComparisonContents,
  ComparisonHostMethods,
  ComparisonHostSide,
  ComparisonPageSide,
  ShownReport,
} from '../../contract/panels/comparisonView';
import type { RunState } from '../../contract/panels/runState';
import type { Report } from '../../contract/report';
import { fileName } from '../../contract/reportQueries';
import { writeAtomically } from '../../files/writeAtomically';
import { renderCsv } from '../../report/renderCsv';
import { renderHtml } from '../../report/renderHtml';
import { renderMarkdown } from '../../report/renderMarkdown';
import { copyCommandLine } from '../copyCommandLine';
import { commands, viewTypes, walkthrough } from '../ids';
import { t } from '../l10n';
import type { Services } from '../services';
import { nothing, serve, shaped, webviewChannel, type Endpoints } from '../webview/webviewChannel';
import { webviewHtml, webviewOptions } from '../webview/webviewHtml';
import { openHtmlReport } from './openHtmlReport';
import { pictureFile } from './samplePictures';

const idText = Type.String({ pattern: '^([0-9a-f]{16}|file)$' });
const oneReport = shaped({ id: idText });
const filePath = shaped({ id: idText, path: Type.String() });

/** The report of an editor, which need not be in the history. */
const ownId = 'file';

export class ComparisonPage implements vscode.Disposable {
  private readonly channel: Channel<ComparisonHostSide, ComparisonPageSide>;
  private readonly subscriptions: vscode.Disposable[] = [];
  private runningTimer: NodeJS.Timeout | undefined;

  constructor(
    webview: vscode.Webview,
    private readonly services: Services,
    private readonly source: ComparisonSource,
  ) {
    const { extensionUri } = services.context;
    webview.options = webviewOptions;
    this.channel = webviewChannel<ComparisonHostSide, ComparisonPageSide>(webview, services.log);
    serve(this.channel, this.endpoints());
    const listen = (stop: () => void) => this.subscriptions.push({ dispose: stop });
    listen(services.history.onDidChange(() => void this.sendHistory()));
    listen(source.onDidChange(() => void this.sendShown()));
    listen(services.conversions.queue.onDidChange(() => this.sendRunning()));
    webview.html = webviewHtml(extensionUri, 'comparison', { place: source.place });
  }

  dispose(): void {
    clearTimeout(this.runningTimer);
    this.channel.dispose();
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private endpoints(): Endpoints<ComparisonHostMethods> {
    const { services } = this;
    return {
      load: { params: nothing, answer: () => this.contents() },
      show: {
        params: shaped({ id: idText, beside: Type.Union([idText, Type.Null()]) }),
        answer: async ({ id, beside }) => {
          // Read first: what cannot be opened leaves the view as it is.
          await this.open(id);
          if (beside !== null) await this.open(beside);
          await this.source.choose(id, beside);
          return this.contents();
        },
      },
      worstPictures: {
        params: shaped({ id: idText, variant: Type.String() }),
        answer: async ({ id, variant }, { signal }) => this.worstPictures(await this.open(id), variant, signal),
      },
      openReport: {
        params: shaped({ id: idText, as: Type.Union([Type.Literal('html'), Type.Literal('json')]) }),
        answer: async ({ id, as }) => {
          const { report, path: file } = await this.open(id);
          if (as === 'html') openHtmlReport(report, fileName(report.model.path));
          else await vscode.window.showTextDocument(vscode.Uri.file(file), { preview: true });
          return null;
        },
      },
      revealArtifact: {
        params: filePath,
        answer: async (params) => {
          return (await reveal(await this.artifact(params)), null);
        },
      },
      openEngine: {
        params: filePath,
        answer: async (params) => {
          const file = await this.artifact(params);
          return (await vscode.commands.executeCommand('vscode.openWith', file, viewTypes.engine), null);
        },
      },
      copyCommand: {
        params: oneReport,
        answer: async ({ id }) => {
          const { report } = await this.open(id);
          return (await copyCommandLine(report.command), null);
        },
      },
      exportAs: {
        params: shaped({
          id: idText,
          format: Type.Union(['html', 'csv', 'md', 'png'].map((name) => Type.Literal(name as 'html'))),
          png: Type.Union([Type.String(), Type.Null()]),
        }),
        answer: async ({ id, format, png }) => exportReport(await this.open(id), format, png),
      },
      forget: { params: oneReport, answer: async ({ id }) => (await services.history.forget(id), null) },
      startConversion: {
        params: shaped({ id: Type.Union([idText, Type.Null()]) }),
        answer: async ({ id }) => {
          const shown = id === null ? null : await this.open(id);
          return (await vscode.commands.executeCommand(commands.convert, shown ?? undefined), null);
        },
      },
      openWalkthrough: {
        params: nothing,
        answer: async () => {
          const target = `${services.context.extension.id}#${walkthrough}`;
          return (await vscode.commands.executeCommand('workbench.action.openWalkthrough', target), null);
        },
      },
    };
  }

  private async contents(): Promise<ComparisonContents> {
    const { shown, beside } = this.source.chosen();
    const history = await this.services.history.list();
    const newest = history.find(({ available }) => available)?.id ?? null;
    return {
      place: this.source.place,
      history,
      shown: (await this.openOrNull(shown)) ?? (await this.openOrNull(newest)),
      beside: await this.openOrNull(beside),
      running: this.running(),
    };
  }

  /** @throws CodedError REPORT_INVALID */
  private async open(id: string): Promise<ShownReport> {
    if (id === ownId && this.source.own !== null) return { id, ...(await this.source.own()) };
    const report = await this.services.history.read(id);
    return { id, report, path: this.services.history.record(id)?.path ?? '' };
  }

  /** What is shown may be gone since: the view then shows nothing, and the history says why. */
  private async openOrNull(id: string | null): Promise<ShownReport | null> {
    if (id === null) return null;
    try {
      return await this.open(id);
    } catch (error) {
      if (CodedError.is(error)) return null;
      throw error;
    }
  }

  /** A file of the report; a page cannot name any other. @throws CodedError REPORT_INVALID */
  private async artifact({ id, path: name }: { id: string; path: string }): Promise<vscode.Uri> {
    const { report, path: file } = await this.open(id);
    const isOurs = report.variants.some(({ artifacts }) => artifacts.some((artifact) => artifact.path === name));
    const artifact = path.resolve(path.dirname(file), name);
    const uri = vscode.Uri.file(artifact);
    const there = await vscode.workspace.fs.stat(uri).then(
      () => true,
      () => false,
    );
    if (isOurs && there) return uri;
    throw new CodedError({
      code: 'REPORT_INVALID',
      reason: t('The file {0} is no longer there.', artifact),
      fix: t('Convert the model again.'),
    });
  }

  private async worstPictures({ report }: ShownReport, variant: string, signal: AbortSignal) {
    const worst = report.variants.find(({ name }) => name === variant)?.accuracy?.worst ?? [];
    const files = worst.map(({ sample }) => pictureFile(report.data.evaluation, sample));
    const named = files.filter((file) => file !== null);
    if (named.length === 0) return worst.map(({ sample }) => ({ sample, picture: null }));
    const pictures = await this.services.inspectionWorker.request('pictures', { files: named }, { signal });
    const byFile = new Map(named.map((file, index) => [file, pictures[index] ?? null]));
    return worst.map(({ sample }, index) => ({ sample, picture: byFile.get(files[index] ?? '') ?? null }));
  }

  private async sendHistory(): Promise<void> {
    this.channel.emit('historyChanged', await this.services.history.list());
  }

  private async sendShown(): Promise<void> {
    this.channel.emit('shownChanged', await this.contents());
  }

  private running(): RunState[] {
    return this.services.conversions.queue.runs.filter(({ endedAt }) => endedAt === null);
  }

  private sendRunning(): void {
    this.runningTimer ??= setTimeout(() => {
      this.runningTimer = undefined;
      this.channel.emit('runningChanged', this.running());
    }, 200);
  }
}

/** Where a page stands and what it shows. */
export interface ComparisonSource {
  readonly place: ComparisonContents['place'];
  readonly chosen: () => { readonly shown: string | null; readonly beside: string | null };
  readonly choose: (shown: string, beside: string | null) => Promise<void>;
  /** The report of the file that is edited, under the id `file`; null in the side view. */
  readonly own: (() => Promise<{ report: Report; path: string }>) | null;
  readonly onDidChange: (listener: () => void) => () => void;
}

async function exportReport(
  { report }: ShownReport,
  format: 'html' | 'csv' | 'md' | 'png',
  png: string | null,
): Promise<string | null> {
  const name = fileName(report.model.path).replace(/\.onnx$/i, '');
  const [folder] = vscode.workspace.workspaceFolders ?? [];
  const target = await vscode.window.showSaveDialog({
    title: t('Export Report'),
    ...(folder === undefined ? {} : { defaultUri: vscode.Uri.joinPath(folder.uri, `${name}-precision.${format}`) }),
    filters: { [format.toUpperCase()]: [format] },
  });
  if (target === undefined) return null;
  switch (format) {
    case 'html':
      await writeAtomically(target.fsPath, renderHtml(report));
      break;
    case 'csv':
      await writeAtomically(target.fsPath, renderCsv(report));
      break;
    case 'md':
      await writeAtomically(target.fsPath, renderMarkdown(report));
      break;
    case 'png':
      await writeFile(target.fsPath, pngBytes(png));
  }
  // Not waited for: it stays until the user has seen it.
  void tellOfExport(target);
  return target.fsPath;
}

async function tellOfExport(file: vscode.Uri): Promise<void> {
  const show = t('Show File');
  const chosen = await vscode.window.showInformationMessage(t('Written: {0}', file.fsPath), show);
  if (chosen === show) await reveal(file);
}

function reveal(file: vscode.Uri): Thenable<unknown> {
  const command = vscode.workspace.getWorkspaceFolder(file) ? 'revealInExplorer' : 'revealFileInOS';
  return vscode.commands.executeCommand(command, file);
}

function pngBytes(url: string | null): Buffer {
  const [, base64] = /^data:image\/png;base64,([A-Za-z0-9+/=]+)$/.exec(url ?? '') ?? [];
  if (base64 !== undefined) return Buffer.from(base64, 'base64');
  throw new CodedError({
    code: 'INTERNAL',
    reason: t('The page sent no picture of its charts.'),
    fix: t('Reload the window and try again.'),
  });
}
