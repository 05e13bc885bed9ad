/** Every command of the extension. Handlers are short: they find out what they are about and hand over. */
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { Report } from '../../contract/report';
import { commands, views, walkthrough } from '../ids';
import { t } from '../l10n';
import type { Parts } from '../parts';
import type { Services } from '../services';

/** A report that brings its model and plan along: *Convert* from the comparison view. */
interface ReportArgument {
  readonly report: Report;
  /** Of report.json. */
  readonly path: string;
}

type CommandName = keyof typeof commands;

export function registerCommands(services: Services, parts: Parts): vscode.Disposable {
  const handlers: Record<CommandName, (argument?: unknown, options?: unknown) => Promise<unknown>> = {
    convert: (argument) => convert(parts, argument),
    compare: () => Promise.resolve(vscode.commands.executeCommand(`${views.comparison}.focus`)),
    openReport: async (argument, options) => {
      const comparisons = await parts.comparisons();
      const file = asUri(argument) ?? (await comparisons.pick());
      if (file !== null) await comparisons.show(file, options as { preserveFocus?: boolean });
    },
    openPlan: async (argument) => {
      const file = asUri(argument) ?? activeFile('.trtplan.json') ?? (await askForPlan());
      if (file !== null) await (await parts.convertPanels()).showPlan(file);
    },
    installTensorRT: async () => (await import('./installTensorRT')).installTensorRT(services),
    probe: async () => (await import('./probeMachine')).probeMachine(services),
    cancel: async () => (await services.conversions()).queue.cancelAll(),
    openSample: async () => {
      const { copySample } = await import('./openSample');
      await (await parts.convertPanels()).show(await copySample(services));
    },
    openWalkthrough: () => {
      const target = `${services.context.extension.id}#${walkthrough}`;
      return Promise.resolve(vscode.commands.executeCommand('workbench.action.openWalkthrough', target, false));
    },
    showLog: () => Promise.resolve(services.log.show()),
  };
  return vscode.Disposable.from(
    ...(Object.keys(handlers) as CommandName[]).map((name) =>
      vscode.commands.registerCommand(commands[name], async (argument?: unknown, options?: unknown) => {
        const { orShowError } = await import('../errors/showError');
        return orShowError(services.log, () => handlers[name](argument, options));
      }),
    ),
  );
}

async function convert(parts: Parts, argument: unknown): Promise<void> {
  const panels = await parts.convertPanels();
  if (isReportArgument(argument)) {
    const { resolveReportPlan } = await import('../convert/resolveReportPlan');
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
