import { describe, expect, it } from 'vitest';
import { checkPlan, completePlan } from '../../../../extension/contract/checkSchema';
import { variantNames } from '../../../../extension/contract/plan';
import {
  addTarget,
  formOf,
  isComplete,
  keepNode,
  parseShape,
  profileTexts,
  replacePlan,
  setBinding,
  setSteps,
  setValue,
  shapesFromData,
  textAt,
  toggleTarget,
  toggleVariant,
  typeFormats,
  typeInto,
  typeProfile,
  valueAt,
  type PlanForm,
} from '../../../../webview/convert/planForm';

const empty = (): PlanForm => formOf(completePlan({ model: 'm.onnx' }));

describe('typing', () => {
  it('changes the plan and nothing else', () => {
    const before = empty();
    const form = typeInto(before, '/calibration/samples', ' 64 ');
    expect(form.plan).toEqual({ ...before.plan, calibration: { ...before.plan.calibration, samples: 64 } });
    expect(before.plan.calibration.samples).toBe(512);
    expect(checkPlan(form.plan, 'plan')).toEqual(form.plan);
  });

  it('keeps what cannot stand, and shows it', () => {
    const form = typeInto(empty(), '/calibration/samples', 'many');
    expect(form.plan.calibration.samples).toBe(512);
    expect(textAt(form, '/calibration/samples')).toBe('many');
    expect(form.drafts['/calibration/samples']?.message).toBe('A number is needed.');
    expect(isComplete(form)).toBe(false);
    expect(isComplete(typeInto(form, '/calibration/samples', '1'))).toBe(true);
  });

  it('takes an empty field as null where the plan may say nothing', () => {
    const form = typeInto(typeInto(empty(), '/gates/minSqnrDb', '20'), '/gates/minSqnrDb', '');
    expect(form.plan.gates.minSqnrDb).toBeNull();
    expect(typeInto(empty(), '/calibration/samples', '').drafts).toHaveProperty(['/calibration/samples']);
    expect(typeInto(empty(), '/calibration/data', '').plan.calibration.data).toBeNull();
  });

  it('keeps a text of spaces and dots as a path', () => {
    expect(typeInto(empty(), '/calibration/data', '../my data/x.py:Set').plan.calibration.data).toBe(
      '../my data/x.py:Set',
    );
  });

  it('keeps the order of keys, so that the saved file differs in a line', () => {
    const before = empty();
    const form = typeInto(before, '/calibration/batchSize', '4');
    expect(Object.keys(form.plan)).toEqual(Object.keys(before.plan));
    expect(Object.keys(form.plan.calibration)).toEqual(Object.keys(before.plan.calibration));
  });
});

describe('choices', () => {
  it('keeps the baseline and the order of the contract', () => {
    let form = setValue(empty(), '/precisions', ['fp32', 'int8']);
    form = toggleVariant(form, 'fp16', true, variantNames);
    form = toggleVariant(form, 'fp32', false, variantNames);
    expect(form.plan.precisions).toEqual(['fp32', 'fp16', 'int8']);
    expect(toggleVariant(form, 'int8', false, variantNames).plan.precisions).toEqual(['fp32', 'fp16']);
  });

  it('adds a target once and refuses an empty one', () => {
    const form = addTarget(addTarget(empty(), 'sm_89'), ' sm_89 ');
    expect(form.plan.targets).toEqual(['sm_89']);
    expect(toggleTarget(form, 'sm_89', false).plan.targets).toEqual([]);
    expect(isComplete(addTarget(form, ' '))).toBe(false);
  });

  it('sets bindings by name, slashes and all, and takes them away', () => {
    const form = setBinding(empty(), 'encoder/out', 'fp16');
    expect(form.plan.bindings).toEqual({ 'encoder/out': 'fp16' });
    expect(setBinding(form, 'encoder/out', null).plan.bindings).toEqual({});
  });

  it('keeps nodes, replaces and releases them', () => {
    let form = keepNode(empty(), '/a/Conv', 'fp16');
    form = keepNode(form, 'OP:Softmax', 'fp32');
    form = keepNode(form, '/a/Conv', 'fp32');
    expect(form.plan.keep).toEqual([
      { match: '/a/Conv', precision: 'fp32' },
      { match: 'OP:Softmax', precision: 'fp32' },
    ]);
    expect(keepNode(form, '/a/Conv', null).plan.keep).toEqual([{ match: 'OP:Softmax', precision: 'fp32' }]);
  });

  it('reads memory layouts and names a wrong one', () => {
    expect(typeFormats(empty(), 'x', 'linear, chw4').plan.formats).toEqual({ x: ['linear', 'chw4'] });
    const wrong = typeFormats(empty(), 'x', 'linear nchw');
    expect(wrong.plan.formats).toEqual({});
    expect(wrong.drafts['/formats/x']?.message).toContain('“nchw”');
    expect(typeFormats(wrong, 'x', '').plan.formats).toEqual({});
    expect(isComplete(typeFormats(wrong, 'x', ''))).toBe(true);
  });

  it('drops drafts of what was replaced as a whole', () => {
    let form = setSteps(empty(), [{ op: 'resize', size: 32 }]);
    form = {
      ...form,
      drafts: {
        '/preprocess/0/size': { text: 'x', message: 'no' },
        '/calibration/samples': { text: 'y', message: 'no' },
      },
    };
    expect(Object.keys(setSteps(form, []).drafts)).toEqual(['/calibration/samples']);
  });
});

describe('profiles', () => {
  it.each([
    ['1x3x224x224', [1, 3, 224, 224]],
    ['1×3 × 224', [1, 3, 224]],
    ['8, 10', [8, 10]],
    ['7', [7]],
  ])('reads %s', (text, sizes) => expect(parseShape(text)).toEqual(sizes));

  it.each(['', 'x', '1xbatch', '1x-3', '1.5', '1x'])('does not read "%s"', (text) =>
    expect(parseShape(text)).toBeNull(),
  );

  const type = (form: PlanForm, bound: 'min' | 'opt' | 'max', text: string, count: number | null = 2): PlanForm =>
    typeProfile(form, '/shapes', 'in/put', bound, text, count);

  it('waits for all three bounds', () => {
    let form = type(empty(), 'min', '1x8');
    expect(form.plan.shapes).toEqual({});
    expect(profileTexts(form, '/shapes', 'in/put')).toEqual({ min: '1x8', opt: '', max: '' });
    form = type(type(form, 'opt', '2x8'), 'max', '4x8');
    expect(form.plan.shapes).toEqual({ 'in/put': { min: [1, 8], opt: [2, 8], max: [4, 8] } });
    expect(isComplete(form)).toBe(true);
  });

  it('says what is wrong with each bound, and keeps the profile meanwhile', () => {
    const good = type(type(type(empty(), 'min', '1x8'), 'opt', '2x8'), 'max', '4x8');
    const message = (form: PlanForm, bound: string) => form.drafts[`/shapes/in~1put/${bound}`]?.message;
    expect(message(type(good, 'max', '4x4'), 'max')).toBe('Smaller than opt in an axis.');
    expect(message(type(good, 'opt', '2x8x1'), 'opt')).toBe('2 numbers are needed.');
    expect(message(type(good, 'opt', '2x8x1', null), 'opt')).toBe('As many numbers as in front of it are needed.');
    expect(message(type(good, 'min', 'a'), 'min')).toBe('Whole numbers with x between them are needed.');
    expect(type(good, 'max', '4x4').plan).toEqual(good.plan);
    expect(isComplete(type(type(good, 'max', '4x4'), 'max', '4x9'))).toBe(true);
  });

  it('goes when all three are empty', () => {
    const good = type(type(type(empty(), 'min', '1x8'), 'opt', '2x8'), 'max', '4x8');
    const form = type(type(type(good, 'min', ''), 'opt', ''), 'max', '');
    expect(form.plan.shapes).toEqual({});
    expect(isComplete(form)).toBe(true);
  });

  it('edits further profiles and values, too', () => {
    let form = setValue(empty(), '/profiles', [{}, {}]);
    for (const bound of ['min', 'opt', 'max'] as const) form = typeProfile(form, '/profiles/1', 'x', bound, '3', 1);
    expect(form.plan.profiles).toEqual([{}, { x: { min: [3], opt: [3], max: [3] } }]);
    expect(checkPlan(form.plan, 'plan')).toEqual(form.plan);
  });

  it('fills open inputs with the sizes of the data, from batch 1', () => {
    const inputs = [
      { name: 'open', dtype: 'fp32', shape: ['batch', 3, null] },
      { name: 'fixed', dtype: 'fp32', shape: [1, 3] },
      { name: 'length', dtype: 'fp32', shape: [1, 'length'] },
      { name: 'absent', dtype: 'fp32', shape: null },
    ];
    const form = shapesFromData(empty(), inputs, { open: [8, 3, 10], fixed: [1, 3], length: [1, 7] });
    expect(form.plan.shapes).toEqual({
      open: { min: [1, 3, 10], opt: [8, 3, 10], max: [8, 3, 10] },
      length: { min: [1, 7], opt: [1, 7], max: [1, 7] },
    });
  });
});

describe('a plan from outside', () => {
  it('replaces the form and its drafts', () => {
    const form = typeInto(empty(), '/calibration/samples', 'x');
    const other = { ...form.plan, backend: 'tensorrt' as const };
    expect(replacePlan(form, other)).toEqual(formOf(other));
  });

  it('leaves drafts alone when it says what the form says', () => {
    const form = typeInto(empty(), '/calibration/samples', 'x');
    expect(replacePlan(form, structuredClone(form.plan))).toBe(form);
    expect(valueAt(form.plan, '/calibration/samples')).toBe(512);
  });
});
