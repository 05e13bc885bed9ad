/** Shows the HTML report in the editor. The page brings its own content policy, which allows its own script by hash. */
import * as vscode from 'vscode';
import type { Report } from '../../contract/report';
import { renderHtml } from '../../report/renderHtml';
import { t } from '../l10n';

const viewType = 'precisionBench.reportPage';

/** @param name of the model, for the tab */
export function openHtmlReport(report: Report, name: string): void {
  const panel = vscode.window.createWebviewPanel(
    viewType,
    t('Report {0}', name),
    vscode.ViewColumn.Active,
    // Rendered anew from the report: nothing of the page is to be kept, and nothing beside it is loaded.
    { enableScripts: true, enableFindWidget: true, localResourceRoots: [] },
  );
  panel.webview.html = renderHtml(report);
}
