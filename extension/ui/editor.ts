/**
 * All that the extension does once it is used: made by `extension.ts` with the first command, view, editor or plan file. A
 * bundle of its own, so that starting the editor does not read it.
 */
import * as vscode from 'vscode';
import { commandHandlers } from './commands/commandHandlers';
import { Comparisons } from './comparison/comparisons';
import { ConvertPanels } from './convert/convertPanels';
import { showEngine } from './engine/engineEditor';
import { orShowError } from './errors/showError';
import type { CommandId } from './ids';
import { useTranslator } from './l10n';
import { PlanDocuments } from './plan/planDocuments';
import { announceRun } from './runs/announceRun';
import { createServices } from './services';
import { showMachine } from './showMachine';

export interface Editor {
  readonly convertPanels: ConvertPanels;
  readonly comparisons: Comparisons;
  readonly planDocuments: PlanDocuments;
  readonly showEngine: (file: vscode.Uri, panel: vscode.WebviewPanel) => Promise<void>;
  /** Carries out a command; its failure is shown to the user. */
  readonly run: (command: CommandId, args: readonly unknown[]) => Promise<void>;
  /** Cancels conversions and resolves when they have cleaned up. */
  readonly stop: () => Promise<void>;
}

export function createEditor(context: vscode.ExtensionContext, statusBar: vscode.StatusBarItem): Editor {
  useTranslator((message, ...values) => vscode.l10n.t(message, ...values));
  const services = createServices(context);
  const convertPanels = new ConvertPanels(services);
  const comparisons = new Comparisons(services);
  const planDocuments = new PlanDocuments(services);
  services.conversions.onEnd((run) => {
    announceRun(run, (action) => convertPanels.act(run, action)).then(undefined, (error: unknown) =>
      services.log.error(String(error)),
    );
  });
  const handlers = commandHandlers({ services, convertPanels, comparisons });
  context.subscriptions.push(planDocuments, showMachine(statusBar, services.machine));
  return {
    convertPanels,
    comparisons,
    planDocuments,
    showEngine: (file, panel) => showEngine(file.fsPath, panel, services),
    run: (command, args) => orShowError(services.log, () => handlers[command](...args)),
    stop: () => services.conversions.queue.stop(),
  };
}
