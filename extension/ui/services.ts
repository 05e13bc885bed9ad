/**
 * What the parts of the editor's side share: made once by `activate`, handed to each part. Everything heavy in it is made
 * when it is first asked for, so that activating costs next to nothing.
 */
import * as vscode from 'vscode';
import type { RunHistory } from './comparison/runHistory';
import type { Conversions } from './runs/conversions';
import type { ModelInspector } from './plan/modelInspector';
import { MachineProbe } from './machine';
import { once } from './once';
import { settings } from './settings';
import { WorkerProcess } from './workerProcess';

export interface Services {
  readonly context: vscode.ExtensionContext;
  readonly log: vscode.LogOutputChannel;
  /** For what panels look at; never for conversions. */
  readonly inspectionWorker: WorkerProcess;
  readonly conversionWorker: WorkerProcess;
  readonly machine: MachineProbe;
  readonly models: () => Promise<ModelInspector>;
  readonly conversions: () => Promise<Conversions>;
  readonly history: () => Promise<RunHistory>;
}

/** A worker that only serves panels ends after so long without a request. */
const inspectionIdleMs = 120_000;
const historyKey = 'reports';

export function createServices(context: vscode.ExtensionContext): Services {
  const log = vscode.window.createOutputChannel('Precision Bench', { log: true });
  const surroundings = {
    entry: vscode.Uri.joinPath(context.extensionUri, 'dist', 'worker.cjs').fsPath,
    env: workerEnvironment,
    onLog: (line: string) => log.info(line),
  };
  const inspectionWorker = new WorkerProcess(surroundings, inspectionIdleMs);
  const conversionWorker = new WorkerProcess(surroundings);
  const machine = new MachineProbe(inspectionWorker);
  let conversions: Conversions | null = null;
  const services: Services = {
    context,
    log,
    inspectionWorker,
    conversionWorker,
    machine,
    models: once(async () => new (await import('./plan/modelInspector')).ModelInspector(inspectionWorker)),
    conversions: once(async () => {
      const { Conversions } = await import('./runs/conversions');
      return (conversions = new Conversions(services));
    }),
    history: once(async () => {
      const { RunHistory } = await import('./comparison/runHistory');
      const storage = context.storageUri ?? context.globalStorageUri;
      return new RunHistory(
        {
          get: () => context.workspaceState.get(historyKey),
          set: (records) => context.workspaceState.update(historyKey, records),
        },
        vscode.Uri.joinPath(storage, 'reports').fsPath,
      );
    }),
  };
  const restart = () => {
    machine.forget();
    void inspectionWorker.restart();
    // A conversion under way keeps its process; the next one gets the new settings.
    conversions?.restartWorker();
  };
  context.subscriptions.push(
    log,
    settings.onDidChangeMachine(restart),
    vscode.workspace.onDidGrantWorkspaceTrust(restart),
    { dispose: () => void Promise.all([inspectionWorker.restart(), conversionWorker.restart()]) },
  );
  return services;
}

/** Where the worker looks for TensorRT. Nothing of an untrusted workspace is loaded. */
function workerEnvironment(): Record<string, string> {
  const [folder] = vscode.workspace.workspaceFolders ?? [];
  const workspace = vscode.workspace.isTrusted && folder?.uri.scheme === 'file' ? folder.uri.fsPath : null;
  const named = {
    PRECISION_BENCH_TENSORRT: settings.library(),
    PRECISION_BENCH_HOME: settings.home(),
    // An absolute path in which no Python environment can lie, where there is no workspace to look into.
    PRECISION_BENCH_WORKSPACE: workspace ?? __dirname,
    // Options for debugging the extension host are not for its children.
    NODE_OPTIONS: '',
  };
  return Object.fromEntries(Object.entries(named).flatMap(([name, value]) => (value === null ? [] : [[name, value]])));
}
