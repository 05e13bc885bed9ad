/** What the parts of the editor's side share: made once, handed to each part. No process starts until one is asked. */
import * as vscode from 'vscode';
import { RunHistory } from './comparison/runHistory';
import { MachineProbe } from './machine';
import { ModelInspector } from './plan/modelInspector';
import { Conversions } from './runs/conversions';
import { settings } from './settings';
import { WorkerProcess } from './workerProcess';

export interface Services {
  readonly context: vscode.ExtensionContext;
  readonly log: vscode.LogOutputChannel;
  /** For what panels look at; never for conversions. */
  readonly inspectionWorker: WorkerProcess;
  readonly machine: MachineProbe;
  readonly models: ModelInspector;
  readonly history: RunHistory;
  readonly conversions: Conversions;
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
  const conversionWorker = new WorkerProcess({
    ...surroundings,
    onLog: (line) => {
      log.info(line);
      conversions.queue.log(line);
    },
  });
  const machine = new MachineProbe(inspectionWorker);
  const history = historyOf(context);
  const conversions: Conversions = new Conversions(log, conversionWorker, history);
  const restart = () => {
    machine.forget();
    void inspectionWorker.restart();
    // A conversion under way keeps its process; the next one gets the new settings.
    conversions.restartWorker();
  };
  context.subscriptions.push(
    log,
    settings.onDidChangeMachine(restart),
    vscode.workspace.onDidGrantWorkspaceTrust(restart),
    { dispose: () => void Promise.all([inspectionWorker.restart(), conversionWorker.restart()]) },
  );
  const models = new ModelInspector(inspectionWorker);
  return { context, log, inspectionWorker, machine, models, history, conversions };
}

/** Copies of reports lie where the workspace's other state does. */
function historyOf(context: vscode.ExtensionContext): RunHistory {
  const storage = context.storageUri ?? context.globalStorageUri;
  const store = {
    get: () => context.workspaceState.get(historyKey),
    set: (records: unknown) => context.workspaceState.update(historyKey, records),
  };
  return new RunHistory(store, vscode.Uri.joinPath(storage, 'reports').fsPath);
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
