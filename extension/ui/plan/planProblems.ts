/**
 * Everything there is to say against a plan before it runs: faults of the schema, files that are missing, precisions that a
 * target has no hardware for, operators and layers that will not follow. Shown in the convert panel and on the plan file.
 *
 * Pure but for asking whether files exist. What needs the model or the machine is left out until they are known.
 */
import { stat } from 'node:fs/promises';
import * as path from 'node:path';
import { splitDataSource } from '../../calibrate/datasets/dataSource';
import { planViolations } from '../../contract/checkSchema';
import { CodedError, type ErrorData } from '../../contract/errors';
import type { PlanProblem } from '../../contract/panels/convertPanel';
import type { FixAction } from '../../contract/panels/runState';
import type { Plan, VariantName } from '../../contract/plan';
import { listText } from '../../contract/quantities';
import type { BackendInfo } from '../../contract/backendInfo';
import type { NodePlan } from '../../contract/stageMethods';
import { chooseEngineBuilder } from '../../build/chooseEngineBuilder';
import { missingOnTargets, precisionCapabilities } from '../convert/precisionCapabilities';
import { fixActionsOf, fixButton } from '../errors/fixActionsOf';
import { t } from '../l10n';

/** What is known beside the plan; null: not yet. */
export interface PlanSurroundings {
  readonly baseDir: string;
  readonly backends: readonly BackendInfo[] | null;
  /** What each of the plan's precisions does to each node, or why the model cannot be read. */
  readonly model: { readonly nodes: readonly NodePlan[] } | { readonly error: ErrorData } | null;
}

/** Faults of a value that is no plan. Empty for one that is. */
export function schemaProblems(json: unknown): PlanProblem[] {
  return planViolations(json).map(({ pointer, text }) => ({
    pointer,
    severity: 'error',
    code: 'PLAN_INVALID',
    reason: `${text.charAt(0).toUpperCase()}${text.slice(1)}.`,
    fix: t('Correct this value.'),
    actions: [],
  }));
}

/** Errors first. */
export async function planProblems(plan: Plan, surroundings: PlanSurroundings): Promise<PlanProblem[]> {
  const missing = await missingFiles(plan, surroundings.baseDir);
  const found = [
    ...missing,
    ...(missing.some(({ pointer }) => pointer === '/model') ? [] : modelProblems(surroundings)),
    ...machineProblems(plan, surroundings),
    ...dataProblems(plan),
  ];
  const order = ['error', 'warning', 'info'];
  return found.sort((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
}

function problem(
  pointer: string,
  severity: PlanProblem['severity'],
  { code, reason, fix }: { code: string; reason: string; fix: string },
  actions: readonly FixAction[] = [],
): PlanProblem {
  return { pointer, severity, code, reason, fix, actions: actions.map((action) => fixButton(action)) };
}

/** Files that the plan names and that are not there. */
async function missingFiles(plan: Plan, baseDir: string): Promise<PlanProblem[]> {
  const { calibration, evaluation, preprocess } = plan;
  const isFile = typeof preprocess === 'string' && /\.jsonc?$|[\\/]/i.test(preprocess);
  const named: readonly [pointer: string, source: string | null, code: string, action: FixAction | null][] = [
    ['/model', plan.model, 'MODEL_NOT_FOUND', 'chooseModel'],
    ['/calibration/data', calibration.data, 'DATA_NOT_FOUND', 'chooseData'],
    ['/calibration/labels', calibration.labels, 'DATA_NOT_FOUND', 'chooseLabels'],
    ['/calibration/table', calibration.table, 'DATA_NOT_FOUND', 'dropTable'],
    ['/evaluation/data', evaluation.data, 'DATA_NOT_FOUND', 'chooseEvaluationData'],
    ['/evaluation/labels', evaluation.labels, 'DATA_NOT_FOUND', null],
    ['/preprocess', isFile ? preprocess : null, 'PREPROCESS_INVALID', null],
  ];
  const problems = await Promise.all(
    named.map(async ([pointer, source, code, action]) => {
      if (source === null) return [];
      const file = path.resolve(baseDir, splitDataSource(source).file);
      if ((await stat(file).catch(() => null)) !== null) return [];
      const reason = t('There is no file or folder {0}.', file);
      const fix = t('Choose another, or correct the path.');
      return [problem(pointer, 'error', { code, reason, fix }, action === null ? [] : [action])];
    }),
  );
  return problems.flat();
}

function modelProblems({ model }: PlanSurroundings): PlanProblem[] {
  if (model === null) return [];
  if ('error' in model) return [problem('/model', 'error', model.error, fixActionsOf(model.error))];
  return [...customOperators(model.nodes), ...overflowRisks(model.nodes)];
}

/** Our own sentence for nodes that no standard knows (`plan/decidePrecisions.ts`). */
const customReason = /is not a standard ONNX operator/;
/** Weights that FP16 cannot hold; what depends on data is known only after calibration. */
const overflowReason = /beyond FP16/;

function customOperators(nodes: readonly NodePlan[]): PlanProblem[] {
  const operators = new Set(nodes.filter(({ reason }) => customReason.test(reason)).map(({ opType }) => opType));
  if (operators.size === 0) return [];
  return [
    problem('/model', 'warning', {
      code: 'customOperator',
      reason: t(
        '{0}: not among the operators of the ONNX standard. TensorRT needs a plugin for it.',
        listText([...operators]),
      ),
      fix: t('Export the model with standard operators, or expect its engines to fail.'),
    }),
  ];
}

function overflowRisks(nodes: readonly NodePlan[]): PlanProblem[] {
  const kept = nodes.filter(({ variant, reason }) => variant === 'fp16' && overflowReason.test(reason));
  const [first] = kept;
  if (first === undefined) return [];
  return [
    problem('/precisions', 'info', {
      code: 'fp16Overflow',
      reason: t(
        '{0} would overflow in FP16 and stays in FP32: {1}. Nodes of this kind: {2}.',
        first.node,
        first.reason,
        kept.length,
      ),
      fix: t('Nothing needs to be done. BF16 has the range of FP32, where the GPU has it.'),
    }),
  ];
}

function machineProblems(plan: Plan, { backends }: PlanSurroundings): PlanProblem[] {
  // What the platform table says of the targets holds on any machine.
  const onTargets = () => hardwareProblems(plan, (variant) => missingOnTargets(plan, variant));
  if (backends === null) return onTargets();
  try {
    chooseEngineBuilder(plan, backends);
  } catch (error) {
    if (!CodedError.is(error)) throw error;
    const pointer = `/${error.place?.field ?? 'targets'}`;
    return [problem(pointer, 'error', error, fixActionsOf(error)), ...onTargets()];
  }
  const capabilities = new Map(precisionCapabilities(plan, backends).map((found) => [found.precision, found]));
  return hardwareProblems(plan, (variant) => {
    const found = capabilities.get(variant);
    return found?.state === 'unsupported' ? found.reason : null;
  });
}

/** @param missing why a variant cannot be built, or null */
function hardwareProblems(plan: Plan, missing: (variant: VariantName) => string | null): PlanProblem[] {
  return plan.precisions.flatMap((variant, index) => {
    const reason = missing(variant);
    if (reason === null) return [];
    // What no target can do is refused; what this machine's own GPU cannot do is left out.
    const isRefused = missingOnTargets(plan, variant) !== null;
    const fix = isRefused
      ? t('Leave out {0}, or choose another target.', variant)
      : t('Nothing needs to be done: {0} is compared without an engine.', variant);
    const severity = isRefused ? 'error' : 'warning';
    return [problem(`/precisions/${index}`, severity, { code: 'noHardware', reason, fix })];
  });
}

function dataProblems({ calibration, evaluation, precisions }: Plan): PlanProblem[] {
  if (calibration.data !== null) return [];
  const needsScales =
    precisions.some((name) => name.startsWith('int8') || name === 'fp8') && calibration.table === null;
  if (evaluation.data !== null && !needsScales) return [];
  const finding = {
    code: 'noData',
    reason: t('There is no calibration data: made-up inputs stand in, and the results say little about real use.'),
    fix: t('Choose a folder of pictures, arrays or a data set of your own.'),
  };
  return [problem('/calibration/data', evaluation.data === null ? 'warning' : 'info', finding, ['chooseData'])];
}
