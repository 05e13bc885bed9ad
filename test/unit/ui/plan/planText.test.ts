import { applyEdits } from 'jsonc-parser';
import { describe, expect, it } from 'vitest';
import { completePlan, type PlanParts } from '../../../../extension/contract/checkSchema';
import {
  changedRange,
  editPlanText,
  newPlanText,
  readPlanText,
  samePlan,
} from '../../../../extension/ui/plan/planText';

const text = `{
  // committed beside the model
  "$schema": "../x.json",
  "schemaVersion": 1,
  "model": "m.onnx",
  "precisions": ["fp32", "int8"], /* the two that matter */
  "calibration": { "data": "cal", "samples": 64 },
  "bindings": { "y": "fp16" },
}
`;
const plan = (parts: Partial<PlanParts> = {}) => completePlan({ model: 'm.onnx', ...parts });
const written = () => readPlanText(text, 'm.trtplan.json');
const edited = (change: object) => editPlanText(text, { ...written(), ...change }) ?? '';

describe('editPlanText', () => {
  it('changes nothing where nothing differs', () => {
    expect(edited({})).toBe(text);
    const { $schema: _, ...without } = written();
    expect(editPlanText(text, without)).toBe(text);
  });

  it('changes one value and leaves comments and layout alone', () => {
    const { calibration } = written();
    expect(edited({ calibration: { ...calibration, samples: 32 } })).toBe(text.replace('64', '32'));
  });

  it('keeps a list in its line', () => {
    expect(edited({ precisions: ['fp32', 'fp16', 'int8'] })).toBe(text.replace('"int8"]', '"fp16", "int8"]'));
  });

  it('writes a new value and removes an old one', () => {
    const result = edited({ bindings: {}, backend: 'onnxruntime' });
    expect(result).toContain('/* the two that matter */');
    expect(readPlanText(result, 'x')).toMatchObject({ bindings: {}, backend: 'onnxruntime' });
    expect(result).not.toContain('fp16');
  });

  it('writes a section that was not there without its defaults', () => {
    const { gates } = plan();
    const result = edited({ gates: { ...gates, minSqnrDb: 20 } });
    expect(result).toMatch(/"gates": \{\s*"minSqnrDb": 20\s*\}/);
  });

  it('says a default aloud where another value stood', () => {
    const { calibration } = written();
    const result = edited({ calibration: { ...calibration, samples: 512 } });
    expect(result).toContain('"samples": 512');
  });

  it('gives the plan back, whatever changed', () => {
    const wanted = plan({
      precisions: ['fp32', 'fp16'],
      preprocess: [{ op: 'toTensor' }],
      keep: [{ match: 'a/b', precision: 'fp32' }],
      shapes: { 'x~/y': { min: [1], opt: [2], max: [3] } },
      builder: { dla: 0 },
    });
    expect(samePlan(readPlanText(editPlanText(text, wanted) ?? '', 'x'), wanted)).toBe(true);
  });

  it('leaves a text alone that is being typed', () => {
    expect(editPlanText('{ "model": ', plan())).toBeNull();
    expect(editPlanText('[]', plan())).toBeNull();
  });
});

it('newPlanText says what is unusual, and the precisions', () => {
  const fresh = newPlanText(plan({ calibration: { data: 'cal' } }));
  expect(JSON.parse(fresh)).toEqual({
    schemaVersion: 1,
    model: 'm.onnx',
    precisions: ['fp32', 'fp16', 'bf16', 'int8'],
    calibration: { data: 'cal' },
  });
  expect(readPlanText(fresh, 'x')).toEqual(plan({ calibration: { data: 'cal' } }));
});

it('readPlanText refuses what is no plan', () => {
  expect(() => readPlanText('{', 'p.json')).toThrow(/p\.json/);
  expect(() => readPlanText('{"schemaVersion":1,"model":"m","precisons":[]}', 'p.json')).toThrow(/precisions/);
});

it.each([
  ['abcdef', 'abXdef'],
  ['aaa', 'aaaa'],
  ['same', 'same'],
  ['', 'new'],
  ['old', ''],
  ['abab', 'ab'],
])('changedRange turns %j into %j', (before, after) => {
  const { start, end, text: content } = changedRange(before, after);
  expect(applyEdits(before, [{ offset: start, length: end - start, content }])).toBe(after);
  expect(start).toBeLessThanOrEqual(end);
});
