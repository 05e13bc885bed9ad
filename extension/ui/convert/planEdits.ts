/** What the buttons of errors and problems change in a plan. Pure; what needs a dialog is in `convertPanel.ts`. */
import type { FixAction } from '../../contract/panels/runState';
import type { Plan } from '../../contract/plan';

/**
 * @param variant the one that failed, where one did
 * @returns the changed plan, or null when the button changes no plan
 */
export function applyFix(plan: Plan, action: FixAction, variant: string | null): Plan | null {
  const { calibration } = plan;
  switch (action) {
    case 'dropTargets':
      return { ...plan, targets: [], backend: plan.backend === 'onnxruntime' ? plan.backend : 'auto' };
    case 'dropPrecision': {
      const precisions = plan.precisions.filter((name) => name !== variant);
      return { ...plan, precisions: precisions.length === 0 ? ['fp32'] : precisions };
    }
    case 'halveBatch':
      return {
        ...plan,
        calibration: { ...calibration, batchSize: Math.max(1, Math.floor(calibration.batchSize / 2)) },
      };
    case 'dropTable':
      return { ...plan, calibration: { ...calibration, table: null } };
    default:
      return null;
  }
}
