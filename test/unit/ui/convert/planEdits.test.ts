import { expect, it } from 'vitest';
import { completePlan } from '../../../../extension/contract/checkSchema';
import { applyFix } from '../../../../extension/ui/convert/planEdits';

const plan = completePlan({
  model: 'm.onnx',
  precisions: ['fp32', 'int8'],
  targets: ['sm_53'],
  backend: 'tensorrt',
  calibration: { batchSize: 1, table: 't.json' },
});

it('changes what a button says, and nothing else', () => {
  expect(applyFix(plan, 'dropTargets', null)).toEqual({ ...plan, targets: [], backend: 'auto' });
  expect(applyFix(plan, 'dropPrecision', 'int8')).toEqual({ ...plan, precisions: ['fp32'] });
  expect(applyFix(plan, 'dropTable', null)?.calibration).toEqual({ ...plan.calibration, table: null });
  expect(
    applyFix({ ...plan, calibration: { ...plan.calibration, batchSize: 9 } }, 'halveBatch', null)?.calibration
      .batchSize,
  ).toBe(4);
});

it('stays with what a plan needs', () => {
  expect(applyFix(plan, 'halveBatch', null)?.calibration.batchSize).toBe(1);
  expect(applyFix({ ...plan, precisions: ['int8'] }, 'dropPrecision', 'int8')?.precisions).toEqual(['fp32']);
  expect(applyFix({ ...plan, backend: 'onnxruntime' }, 'dropTargets', null)?.backend).toBe('onnxruntime');
});

it('leaves to others what needs a dialog', () => {
  expect(applyFix(plan, 'chooseData', null)).toBeNull();
  expect(applyFix(plan, 'retry', null)).toBeNull();
});
