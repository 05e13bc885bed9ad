/** Every command of the extension. Handlers are short: they find out what they are about and hand over. */
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { Report } from '../../contract/report';
import type { Comparisons } from '../comparison/comparisons';
import type { ConvertPanels } from '../convert/convertPanels';
import { resolveReportPlan } from '../convert/resolveReportPlan';
import { commands, views, walkthrough, type CommandId } from '../ids';
import { t } from '../l10n';
import type { Services } from '../services';
import { installTensorRT } from './installTensorRT';
import { copySample } from './openSample';
import { probeMachine } from './probeMachine';

/** A report that brings its model and plan along: *Convert* from the comparison view. */
interface ReportArgument {
  readonly report: Report;
  /** Of report.json. */
  readonly path: string;
}

export interface CommandSurroundings {
  readonly services: Services;
  readonly convertPanels: ConvertPanels;
  readonly comparisons: Comparisons;
}

/** One for every command: a forgotten one is a type error. */
export type CommandHandlers = Readonly<Record<CommandId, (...args: readonly unknown[]) => Promise<unknown>>>;

export function commandHandlers({ services, convertPanels, comparisons }: CommandSurroundings): CommandHandlers {
  const execute = (command: string, ...args: unknown[]) =>
    Promise.resolve(vscode.commands.executeCommand(command, ...args));
  return {
    [commands.convert]: (argument) => convert(convertPanels, argument),
    [commands.compare]: () => execute(`${views.comparison}.focus`),
    [commands.openReport]: async (argument, options) => {
      const file = asUri(argument) ?? (await comparisons.pick());
      if (file !== null) await comparisons.show(file, options as { preserveFocus?: boolean } | undefined);
    },
    [commands.openPlan]: async (argument) => {
      const file = asUri(argument) ?? activeFile('.trtplan.json') ?? (await askForPlan());
      if (file !== null) await convertPanels.showPlan(file);
    },
    [commands.installTensorRT]: () => installTensorRT(services),
    [commands.probe]: () => probeMachine(services),
    [commands.cancel]: () => Promise.resolve(services.conversions.queue.cancelAll()),
    [commands.openSample]: async () => convertPanels.show(await copySample(services)),
    [commands.openWalkthrough]: () =>
      execute('workbench.action.openWalkthrough', `${services.context.extension.id}#${walkthrough}`, false),
    [commands.showLog]: () => Promise.resolve(services.log.show()),
  };
}

async function convert(panels: ConvertPanels, argument: unknown): Promise<void> {
  if (isReportArgument(argument)) {
    const { modelPath, plan } = await resolveReportPlan(argument.report, argument.path);
    await panels.showWith(modelPath, plan);
    return;
  }
  const model = asUri(argument) ?? activeFile('.onnx') ?? (await askForModel());
  if (model !== null) await panels.show(model.fsPath);
}

/** The file of the active tab, which need not be a text. */
function activeFile(extension: string): vscode.Uri | null {
  const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input as { uri?: unknown } | undefined;
  const uri = asUri(input?.uri);
  return uri?.scheme === 'file' && uri.path.toLowerCase().endsWith(extension) ? uri : null;
}

/** The models of the workspace to choose from, and any other file. */
async function askForModel(): Promise<vscode.Uri | null> {
  const found = await vscode.workspace.findFiles('**/*.onnx', '**/{node_modules,.venv,venv}/**', 200);
  if (found.length === 0) return askForFile(t('Choose a Model'), { [t('ONNX models')]: ['onnx'] });
  const items = found
    .map((uri) => ({ label: path.basename(uri.fsPath), description: vscode.workspace.asRelativePath(uri), uri }))
    .sort((a, b) => a.description.localeCompare(b.description));
  const other = { label: `$(folder-opened) ${t('Another File…')}`, description: '', uri: null };
  const chosen = await vscode.window.showQuickPick([...items, other], {
    title: t('Convert to TensorRT'),
    placeHolder: t('Choose an ONNX model'),
    matchOnDescription: true,
  });
  if (chosen === undefined) return null;
  return chosen.uri ?? askForFile(t('Choose a Model'), { [t('ONNX models')]: ['onnx'] });
}

function askForPlan(): Promise<vscode.Uri | null> {
  return askForFile(t('Choose a Plan'), { [t('Precision Bench plan')]: ['json'] });
}

async function askForFile(title: string, filters: Record<string, string[]>): Promise<vscode.Uri | null> {
  const [folder] = vscode.workspace.workspaceFolders ?? [];
  const [file] =
    (await vscode.window.showOpenDialog({
      title,
      filters,
      ...(folder === undefined ? {} : { defaultUri: folder.uri }),
    })) ?? [];
  return file ?? null;
}

/** A menu hands over a `Uri`; one from another extension host's realm, or from JSON, is no instance of the class. */
function asUri(value: unknown): vscode.Uri | null {
  if (value instanceof vscode.Uri) return value;
  const isUriLike = typeof value === 'object' && value !== null && 'scheme' in value && 'path' in value;
  return isUriLike ? vscode.Uri.from(value as { scheme: string; path: string }) : null;
}

function isReportArgument(value: unknown): value is ReportArgument {
  return typeof value === 'object' && value !== null && 'report' in value && 'path' in value;
}
