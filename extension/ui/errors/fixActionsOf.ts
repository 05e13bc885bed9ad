/**
 * From an error to the buttons that help: which actions suit which code, the most helpful first. Shown in notifications, in
 * the convert panel and beside problems; `ui/convert/` carries them out.
 */
import type { ErrorCode, ErrorData } from '../../contract/errors';
import type { FixAction, FixButton } from '../../contract/panels/runState';
import { t } from '../l10n';

/** Codes without an entry get `otherwise`. */
const actionsByCode: Readonly<Partial<Record<ErrorCode, readonly FixAction[]>>> = {
  USAGE: [],
  PLAN_INVALID: ['openPlan'],
  REPORT_INVALID: [],
  OUTPUT_UNWRITABLE: ['chooseOutput', 'retry'],
  CANCELLED: [],
  TIME_BUDGET: ['openSettings', 'retry'],

  MODEL_NOT_FOUND: ['chooseModel'],
  MODEL_NOT_ONNX: ['chooseModel'],
  MODEL_TRUNCATED: ['chooseModel'],
  MODEL_INVALID: ['chooseModel', 'openLog'],
  MODEL_OPSET_UNSUPPORTED: ['chooseModel'],
  MODEL_OPSET_UPGRADE: ['dropPrecision', 'chooseModel'],
  MODEL_OPERATOR_UNSUPPORTED: ['chooseModel', 'openLog'],
  EXTERNAL_DATA_MISSING: ['chooseModel'],
  EXTERNAL_DATA_OUTSIDE: ['chooseModel'],

  DATA_NOT_FOUND: ['chooseData'],
  DATA_EMPTY: ['chooseData'],
  DATA_UNREADABLE: ['chooseData', 'openLog'],
  DATA_MISMATCH: ['chooseData', 'openPlan'],
  DATA_NON_FINITE: ['chooseData'],
  DATA_LABELS_INVALID: ['chooseLabels'],
  DATA_PYTHON: ['choosePython', 'retry', 'openLog'],
  PREPROCESS_INVALID: ['openPlan'],

  PRECISION_UNSUPPORTED: ['dropPrecision', 'dropTargets'],
  CALIBRATION_FAILED: ['chooseData', 'openLog'],
  CALIBRATION_TABLE_MISMATCH: ['dropTable'],

  BACKEND_UNAVAILABLE: ['installTensorRT', 'dropTargets', 'openSettings'],
  TARGET_UNSUPPORTED: ['dropTargets', 'installTensorRT'],
  ENGINE_PARSE: ['dropPrecision', 'openLog'],
  ENGINE_BUILD: ['dropPrecision', 'retry', 'openLog'],
  NATIVE_MISSING: ['dropTargets', 'openLog'],
  UNTRUSTED: ['manageTrust'],
  INSTALL_FAILED: ['installTensorRT', 'openLog'],

  WORKER_OUT_OF_MEMORY: ['halveBatch', 'retry', 'openLog'],
  WORKER_PROTOCOL: ['openLog'],
};

const otherwise: readonly FixAction[] = ['retry', 'openLog'];

/** What is known of the place where the error is shown; an action that has nothing to act on gets no button. */
export interface FixContext {
  /** The variant that failed, where a single one did. */
  readonly variant?: string | undefined;
  readonly hasPlanFile?: boolean;
  /** The plan's evaluation data, absolute: an error that names it is about that and not the calibration data. */
  readonly evaluationData?: string | null;
}

export function fixActionsOf(error: ErrorData, context: FixContext = {}): FixAction[] {
  const actions = actionsByCode[error.code] ?? otherwise;
  const aboutEvaluation =
    error.place?.field?.startsWith('evaluation') === true ||
    (context.evaluationData != null && error.place?.file?.startsWith(context.evaluationData) === true);
  return actions
    .map((action) => (action === 'chooseData' && aboutEvaluation ? 'chooseEvaluationData' : action))
    .filter((action) => action !== 'dropPrecision' || (context.variant !== undefined && context.variant !== 'fp32'))
    .filter((action) => action !== 'openPlan' || context.hasPlanFile === true);
}

export function fixButtonsOf(error: ErrorData, context: FixContext = {}): FixButton[] {
  return fixActionsOf(error, context).map((action) => fixButton(action, context.variant));
}

export function fixButton(action: FixAction, variant?: string): FixButton {
  return { action, label: label(action, variant) };
}

function label(action: FixAction, variant: string | undefined): string {
  switch (action) {
    case 'retry':
      return t('Try Again');
    case 'chooseData':
      return t('Choose Data…');
    case 'chooseEvaluationData':
      return t('Choose Evaluation Data…');
    case 'chooseLabels':
      return t('Choose Labels…');
    case 'chooseModel':
      return t('Choose Model…');
    case 'chooseOutput':
      return t('Choose Output Folder…');
    case 'installTensorRT':
      return t('Install TensorRT…');
    case 'dropTargets':
      return t('Compare Without Engines');
    case 'dropPrecision':
      return variant === undefined ? t('Leave Out This Precision') : t('Leave Out {0}', variant.toUpperCase());
    case 'halveBatch':
      return t('Halve the Batch Size');
    case 'dropTable':
      return t('Calibrate Anew');
    case 'choosePython':
      return t('Choose Python…');
    case 'openPlan':
      return t('Open Plan');
    case 'openLog':
      return t('Show Log');
    case 'openSettings':
      return t('Open Settings');
    case 'manageTrust':
      return t('Manage Workspace Trust');
  }
}
