/**
 * The plan of a report with paths that can be used again. A report keeps the plan as it was, relative to a folder that it
 * does not name; the folder is told from the data, which the report has in full, or from where models usually lie.
 */
import { stat } from 'node:fs/promises';
import * as path from 'node:path';
import { relocatePlan } from '../../cli/relocatePlan';
import { CodedError } from '../../contract/errors';
import type { Plan } from '../../contract/plan';
import type { Report } from '../../contract/report';
import { t } from '../l10n';

export interface ReportPlan {
  /** Absolute. */
  readonly modelPath: string;
  /** Relative to the model's folder. */
  readonly plan: Plan;
}

/**
 * @param file the report.json
 * @throws CodedError MODEL_NOT_FOUND
 */
export async function resolveReportPlan(report: Report, file: string): Promise<ReportPlan> {
  const { plan } = report;
  for (const baseDir of likelyFolders(report, file)) {
    const modelPath = path.resolve(baseDir, plan.model);
    if ((await stat(modelPath).catch(() => null)) === null) continue;
    return { modelPath, plan: relocatePlan(plan, baseDir, path.dirname(modelPath)) };
  }
  throw new CodedError({
    code: 'MODEL_NOT_FOUND',
    reason: t('The model {0} of this report is not where it was.', report.model.path),
    fix: t('Choose the model in the explorer and convert it from there.'),
    place: { file: report.model.path },
  });
}

/** Folders that the plan's paths may start from, the surest first. */
function likelyFolders({ plan, data, model }: Report, file: string): string[] {
  const folders: string[] = [];
  const absolute = data.calibration?.source ?? null;
  const relative = plan.calibration.data;
  if (absolute !== null && relative !== null && absolute.endsWith(relative)) {
    folders.push(absolute.slice(0, absolute.length - relative.length));
  }
  if (path.isAbsolute(model.path)) folders.push(path.dirname(model.path));
  // Results lie in a folder beside the model, or in it.
  folders.push(path.dirname(path.dirname(file)), path.dirname(file));
  return folders.filter((folder) => folder !== '');
}
