import { describe, expect, it } from 'vitest';
import { checkPlan, completePlan } from '../../../../extension/contract/checkSchema';
import type { Transform } from '../../../../extension/contract/plan';
import { transformOps, transformParameters, type TransformParameter } from '../../../../webview/convert/fieldSpec';
import {
  moved,
  newStep,
  parameterText,
  parseParameter,
  withParameter,
} from '../../../../webview/convert/transformSteps';

function parameter(op: string, name: string): TransformParameter {
  const found = transformParameters(op).find((one) => one.name === name);
  if (found === undefined) throw new Error(`${op} has no ${name}`);
  return found;
}

it.each(transformOps)('makes a new %s that is valid', (op) => {
  const plan = completePlan({ model: 'm.onnx', preprocess: [newStep(op)] });
  expect(checkPlan(plan, 'plan').preprocess).toEqual([newStep(op)]);
});

describe('parameters', () => {
  it.each([
    ['resize', 'size', '256', 256],
    ['resize', 'size', '300×200', [300, 200]],
    ['letterbox', 'size', '640 x 480', [640, 480]],
    ['normalize', 'mean', '0.485 0.456 0.406', [0.485, 0.456, 0.406]],
    ['normalize', 'std', '0.5', [0.5]],
    ['normalize', 'mean', '-1, 2', [-1, 2]],
    ['toTensor', 'scale', '1', 1],
    ['grayscale', 'channels', '3', 3],
    ['resize', 'interpolation', 'nearest', 'nearest'],
    ['resize', 'antialias', 'false', false],
    ['toTensor', 'scale', '', undefined],
  ])('%s %s takes "%s"', (op, name, text, value) => {
    expect(parseParameter(text, parameter(op, name))).toEqual({ value, fault: null });
  });

  it.each([
    ['resize', 'size', '0'],
    ['resize', 'size', '1x2x3'],
    ['letterbox', 'size', '640'],
    ['normalize', 'mean', 'x'],
    ['normalize', 'mean', ''],
    ['normalize', 'std', '1 two'],
    ['toTensor', 'scale', '1 2'],
    ['resizeHeight', 'height', '32.5'],
  ])('%s %s does not take "%s"', (op, name, text) => {
    expect(parseParameter(text, parameter(op, name)).fault).not.toBeNull();
  });

  it('are written as they are read', () => {
    const step: Transform = { op: 'normalize', mean: [0.1, 0.2], std: [1] };
    const text = parameterText(step, parameter('normalize', 'mean'));
    expect(parseParameter(text, parameter('normalize', 'mean')).value).toEqual([0.1, 0.2]);
    expect(parameterText({ op: 'centerCrop', size: [4, 5] }, parameter('centerCrop', 'size'))).toBe('4×5');
    expect(parameterText({ op: 'toTensor' }, parameter('toTensor', 'scale'))).toBe('');
  });

  it('fall back to their default when they are taken away', () => {
    expect(withParameter({ op: 'toTensor', scale: 1 }, 'scale', undefined)).toEqual({ op: 'toTensor' });
    expect(withParameter({ op: 'toTensor' }, 'scale', 1)).toEqual({ op: 'toTensor', scale: 1 });
  });
});

it('moves steps and stays within the list', () => {
  expect(moved(['a', 'b', 'c'], 0, 2)).toEqual(['b', 'c', 'a']);
  expect(moved(['a', 'b', 'c'], 2, 1)).toEqual(['a', 'c', 'b']);
  expect(moved(['a', 'b'], 0, -1)).toEqual(['a', 'b']);
  expect(moved(['a', 'b'], 1, 2)).toEqual(['a', 'b']);
});
