import { expect, it } from 'vitest';
import { rangeOfPointer } from '../../../../extension/ui/plan/planPositions';

const text = `{
  "model": "m.onnx", // here
  "precisions": ["fp32", "int9"],
  "calibration": { "samples": 0 },
  "bindings": { "a/b~c": "fp8" },
}`;
const marked = (pointer: string) => {
  const { start, end } = rangeOfPointer(text, pointer);
  return text.slice(start, end);
};

it.each([
  ['/model', '"m.onnx"'],
  ['/precisions/1', '"int9"'],
  ['/calibration/samples', '0'],
  ['/bindings/a~1b~0c', '"fp8"'],
])('%s is %s', (pointer, expected) => {
  expect(marked(pointer)).toBe(expected);
});

it('marks the key of a section, not all of it', () => {
  expect(marked('/calibration')).toBe('"calibration"');
  expect(marked('/precisions')).toBe('"precisions"');
});

it('marks what is nearest where a value is not written', () => {
  expect(marked('/calibration/data')).toBe('"calibration"');
  expect(marked('/precisions/7')).toBe('"precisions"');
  expect(marked('/gates/minSqnrDb')).toBe('{');
  expect(marked('')).toBe('{');
});

it('marks all of an empty text', () => {
  expect(rangeOfPointer('', '/model')).toEqual({ start: 0, end: 0 });
});
