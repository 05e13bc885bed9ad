import { describe, expect, it } from 'vitest';
import {
  faultOf,
  fieldSpec,
  planFields,
  pointerKeys,
  pointerOf,
  transformOps,
  transformParameters,
} from '../../../../webview/convert/fieldSpec';

describe('pointers', () => {
  it('carry names with slashes and tildes', () => {
    const pointer = pointerOf('bindings', 'encoder/layer~0/input');
    expect(pointer).toBe('/bindings/encoder~1layer~00~1input');
    expect(pointerKeys(pointer)).toEqual(['bindings', 'encoder/layer~0/input']);
  });
});

describe('specs from the schema', () => {
  it('know kind, bounds and default', () => {
    expect(fieldSpec('/calibration/percentile')).toMatchObject({
      kind: 'number',
      exclusiveMinimum: 50,
      maximum: 100,
      defaultValue: 99.99,
    });
    expect(fieldSpec('/builder/optimizationLevel')).toMatchObject({
      kind: 'integer',
      minimum: 0,
      maximum: 5,
      nullable: false,
    });
    expect(fieldSpec('/builder/int4Block')).toMatchObject({ kind: 'integer', multipleOf: 64, defaultValue: 128 });
    expect(fieldSpec('/builder/workspaceMiB')).toMatchObject({ kind: 'integer', nullable: true });
    expect(fieldSpec('/benchmark/cudaGraph')).toMatchObject({ kind: 'flag', defaultValue: true });
    expect(fieldSpec('/calibration/algorithm').choices).toContain('entropy');
    expect(fieldSpec('/calibration/tensorrtCalibrator')).toMatchObject({ kind: 'choice', nullable: true });
  });

  it('reach into records and lists', () => {
    expect(fieldSpec('/bindings/any~1name').choices).toContain('fp16');
    expect(fieldSpec('/keep/7/precision').choices).toEqual(['fp32', 'fp16', 'bf16']);
    expect(fieldSpec('/shapes/x/min/0')).toMatchObject({ kind: 'integer', minimum: 0 });
  });

  it('refuse what the plan does not have', () => {
    expect(() => fieldSpec('/calibration/sampels')).toThrow('/calibration/sampels');
    expect(() => fieldSpec('/calibration')).toThrow();
  });
});

it('lists every field, those of users’ names with a star', () => {
  const fields = planFields();
  for (const field of [
    '/model',
    '/precisions/*',
    '/gates/minSqnrDb',
    '/bindings/*',
    '/keep/*/match',
    '/shapes/*/max/*',
    '/preprocess/*/std/*',
  ]) {
    expect(fields).toContain(field);
  }
  expect(new Set(fields).size).toBe(fields.length);
  expect(fields).not.toContain('/schemaVersion');
});

describe('faults', () => {
  it('name the bounds', () => {
    const level = fieldSpec('/builder/optimizationLevel');
    expect(faultOf(level, 6)).toBe('From 0 to 5.');
    expect(faultOf(level, 2.5)).toBe('A whole number is needed.');
    expect(faultOf(level, 5)).toBeNull();
    expect(faultOf(fieldSpec('/builder/int4Block'), 100)).toBe('A multiple of 64.');
    expect(faultOf(fieldSpec('/builder/int4Block'), 64)).toBeNull();
    expect(faultOf(fieldSpec('/builder/int4Block'), 192)).toBe('From 64 to 128.');
    expect(faultOf(fieldSpec('/calibration/percentile'), 50)).toBe('Above 50 and at most 100.');
    expect(faultOf(fieldSpec('/calibration/samples'), 0)).toBe('At least 1.');
    expect(faultOf(fieldSpec('/gates/maxTop1Drop'), Number.NaN)).toBe('A number is needed.');
  });

  it('let null stand only where the plan does', () => {
    expect(faultOf(fieldSpec('/calibration/samples'), null)).toBe('A value is needed.');
    expect(faultOf(fieldSpec('/gates/minSqnrDb'), null)).toBeNull();
  });
});

describe('transforms', () => {
  it('have the parameters of their schema', () => {
    expect(transformOps).toEqual(expect.arrayContaining(['resize', 'letterbox', 'toTensor', 'normalize', 'nhwc']));
    expect(transformParameters('bgr')).toEqual([]);
    const kinds = (op: string) => Object.fromEntries(transformParameters(op).map(({ name, kind }) => [name, kind]));
    expect(kinds('resize')).toEqual({ size: 'size', interpolation: 'choice', antialias: 'flag' });
    expect(kinds('normalize')).toEqual({ mean: 'numbers', std: 'numbers' });
    expect(kinds('grayscale')).toEqual({ channels: 'choice' });
    expect(kinds('resizeHeight')).toEqual({ height: 'integer', maxWidth: 'integer', antialias: 'flag' });
  });

  it('tell sizes of one number from those of two', () => {
    const size = (op: string) => transformParameters(op).find(({ name }) => name === 'size');
    expect(size('resize')).toMatchObject({ pair: false, required: true });
    expect(size('letterbox')).toMatchObject({ pair: true });
  });
});
