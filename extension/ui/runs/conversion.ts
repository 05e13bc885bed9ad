/**
 * From a plan in the form to a job of the run queue: where the results go, the command line that reproduces it, what the
 * pipeline is asked, and what came of it. Needs no editor.
 */
import * as path from 'node:path';
import { parseArguments, quoteCommand } from '../../cli/arguments';
import { convertSpec } from '../../cli/convertOptions';
import { parseTimeBudget } from '../../cli/optionValues';
import { commandLine, type CommandLine } from '../../cli/commandLine';
import { relocatePlan } from '../../cli/relocatePlan';
import { checkGates } from '../../compare/checkGates';
import { CodedError, type ErrorCode } from '../../contract/errors';
import type { Plan } from '../../contract/plan';
import type { Report } from '../../contract/report';
import { writeAtomically } from '../../files/writeAtomically';
import { convert, type StageRunner } from '../../pipeline';
import { resolveDataSource } from '../../calibrate/datasets/dataSource';
import { newPlanText, planSuffix } from '../plan/planText';
import { t } from '../l10n';
import type { RunJob, RunOutcome } from './runQueue';

export interface ConversionOrder {
  readonly plan: Plan;
  readonly baseDir: string;
  /** The plan's file, which may say other things by now; null: none. */
  readonly planFile: string | null;
  readonly out: string;
  /** The folder that the command line is to be run in. */
  readonly cwd: string;
  readonly python: string | null;
  /** As `10m`. */
  readonly timeBudget: string | null;
}

export const defaultPython = 'python3';

/** The command line that does what *Convert* does. */
export function conversionCommand(order: ConversionOrder): CommandLine {
  const { timeBudget, ...request } = order;
  const name = path.basename(order.plan.model).replace(/\.onnx$/i, '');
  const line = commandLine({ ...request, planFileIfNeeded: path.join(order.out, `${name}${planSuffix}`) });
  if (timeBudget === null) return line;
  const words = [...line.words, `--time-budget=${timeBudget}`];
  return { ...line, words, text: quoteCommand(['precision-bench', ...words]) };
}

/** @param onReport called with the report before the job counts as done */
export function conversionJob(
  order: ConversionOrder,
  worker: StageRunner,
  onReport: (report: Report, file: string) => Promise<void>,
): RunJob {
  const { plan, baseDir, out } = order;
  const line = conversionCommand(order);
  const evaluation = plan.evaluation.data;
  return {
    model: path.resolve(baseDir, plan.model),
    out,
    command: line.text,
    fixContext: {
      hasPlanFile: order.planFile !== null,
      evaluationData: evaluation === null ? null : resolveDataSource(evaluation, baseDir),
    },
    execute: async (options) => {
      if (line.newPlanFile !== null) {
        // No flags can say it: the line names a plan file that is only for it, beside the results, with paths from there.
        await writeAtomically(
          line.newPlanFile,
          newPlanText(relocatePlan(plan, baseDir, path.dirname(line.newPlanFile))),
        );
      }
      const report = await convert(
        {
          plan,
          baseDir,
          out,
          command: line.text,
          python: order.python ?? defaultPython,
          timeBudgetMs: parseTimeBudget(parseArguments(convertSpec, line.words.slice(1))),
        },
        worker,
        options,
      );
      const file = path.join(out, 'report.json');
      await onReport(report, file);
      return outcomeOf(report, file);
    },
  };
}

function outcomeOf(report: Report, reportPath: string): RunOutcome {
  const failed = report.variants.find(({ status }) => status === 'failed');
  return {
    reportPath,
    summary: summaryOf(report),
    gates: checkGates(report.variants, report.plan.gates)
      .filter(({ passed }) => !passed)
      .map(({ message }) => message),
    variantFailure:
      failed?.error == null
        ? null
        : {
            variant: failed.name,
            error: new CodedError({ ...withCode(failed.error), reason: `${failed.name}: ${failed.error.reason}` }),
          },
  };
}

/** A report's code is a text: it may come from another version. */
function withCode({ code, reason, fix, place }: NonNullable<Report['variants'][number]['error']>) {
  return { code: code as ErrorCode, reason, fix, ...(place === undefined ? {} : { place: place as object }) };
}

/** The verdict in one line: its first reason names the recommendation, or says why there is none. */
export function summaryOf({ verdict }: Report): string {
  const [reason] = verdict.reasons;
  if (reason !== undefined) return reason;
  return verdict.recommended === null ? '' : t('Recommended: {0}.', verdict.recommended.toUpperCase());
}
