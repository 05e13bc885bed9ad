import { expect, it } from 'vitest';
import { errorCodes, type ErrorCode, type ErrorData } from '../../../../extension/contract/errors';
import { fixActions } from '../../../../extension/contract/panels/runState';
import { fixActionsOf, fixButton, fixButtonsOf } from '../../../../extension/ui/errors/fixActionsOf';

const error = (code: ErrorCode, place?: ErrorData['place']): ErrorData => ({
  code,
  reason: 'r',
  fix: 'f',
  ...(place === undefined ? {} : { place }),
});

it('never offers a button without a label', () => {
  for (const action of fixActions) expect(fixButton(action).label.length).toBeGreaterThan(3);
  for (const code of Object.keys(errorCodes) as ErrorCode[]) {
    expect(fixButtonsOf(error(code)).every(({ label }) => label !== '')).toBe(true);
  }
});

it('offers the evaluation data where the fault lies in it', () => {
  expect(fixActionsOf(error('DATA_NOT_FOUND'))).toEqual(['chooseData']);
  expect(fixActionsOf(error('DATA_NOT_FOUND', { field: 'evaluation.data' }))).toEqual(['chooseEvaluationData']);
  const inFile = error('DATA_UNREADABLE', { file: '/w/eval/3.png' });
  expect(fixActionsOf(inFile, { evaluationData: '/w/eval' })[0]).toBe('chooseEvaluationData');
  expect(fixActionsOf(inFile, { evaluationData: null })[0]).toBe('chooseData');
});

it('leaves out a precision only where one failed, and never the baseline', () => {
  expect(fixActionsOf(error('ENGINE_PARSE'))).not.toContain('dropPrecision');
  expect(fixActionsOf(error('ENGINE_PARSE'), { variant: 'fp32' })).not.toContain('dropPrecision');
  expect(fixButtonsOf(error('ENGINE_PARSE'), { variant: 'int8' })[0]?.label).toBe('Leave Out INT8');
});

it('opens the plan only where there is one', () => {
  expect(fixActionsOf(error('PLAN_INVALID'))).toEqual([]);
  expect(fixActionsOf(error('PLAN_INVALID'), { hasPlanFile: true })).toEqual(['openPlan']);
});

it('shows the log for what nobody foresaw', () => {
  expect(fixActionsOf(error('INTERNAL'))).toEqual(['retry', 'openLog']);
});
