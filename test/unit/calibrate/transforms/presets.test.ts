import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Transform } from '../../../../extension/contract/plan';
import type { ValueSpec } from '../../../../extension/contract/tensor';
import { applyTransforms } from '../../../../extension/calibrate/transforms/applyTransforms';
import { presetAliases, presets } from '../../../../extension/calibrate/transforms/knownPresets';
import { resolvePreprocess } from '../../../../extension/calibrate/transforms/presets';
import { picture } from './fixturePictures';

const folder = mkdtempSync(join(tmpdir(), 'presets-'));
afterAll(() => rmSync(folder, { recursive: true }));

const input = (shape: ValueSpec['shape'], dtype: ValueSpec['dtype'] = 'fp32'): ValueSpec[] => [
  { name: 'x', dtype, shape },
];
const nchw = input(['N', 3, 224, 224]);
function file(content: string): string {
  writeFileSync(join(folder, 'steps.json'), content);
  return 'steps.json';
}

describe('resolvePreprocess', () => {
  it('takes height and width from the model', () => {
    const at = (size: number) => resolvePreprocess('imagenet', '', input(['N', 3, size, size])).slice(0, 2);
    expect(at(224)).toEqual([
      { op: 'resize', size: 256, interpolation: 'bilinear' },
      { op: 'centerCrop', size: [224, 224] },
    ]);
    expect(at(299)[0]).toMatchObject({ size: 342 });
    expect(resolvePreprocess('yolo', '', input([1, 3, 320, 480]))[0]).toMatchObject({ size: [320, 480] });
  });

  it('falls back to the usual size where the model leaves it open', () => {
    expect(resolvePreprocess('yolo', '', input(['N', 3, 'h', -1]))[0]).toMatchObject({ size: [640, 640] });
    expect(resolvePreprocess('ppocr-rec', '', input([-1, 3, 48, -1])).at(-1)).toMatchObject({ size: [48, 480] });
  });

  it('ends presets in NHWC for a model that has channels last, but never an explicit list', () => {
    const nhwc = input(['N', 224, 224, 3]);
    expect(resolvePreprocess('imagenet', '', nhwc).at(-1)).toEqual({ op: 'nhwc' });
    expect(resolvePreprocess('imagenet', '', nchw).at(-1)).not.toEqual({ op: 'nhwc' });
    expect(resolvePreprocess([{ op: 'toTensor' }], '', nhwc)).toEqual([{ op: 'toTensor' }]);
  });

  it('none keeps 0–255 for a model with an integer input', () => {
    expect(resolvePreprocess('none', '', input([1, 224, 224, 3], 'uint8'))[0]).toEqual({ op: 'toTensor', scale: 1 });
    expect(resolvePreprocess('none', '', nchw)).toEqual([{ op: 'toTensor' }]);
  });

  it.each(Object.keys(presets))('preset %s gives steps that pass the checks and yield the model size', (name) => {
    const sized = input(['N', 3, 48, 64]);
    const steps = resolvePreprocess(name, '', sized);
    expect(resolvePreprocess(steps, '', sized)).toEqual(steps);
    const free = ['none', 'raw'].includes(name);
    const result = applyTransforms(picture([70, 90, 3], 1), steps);
    expect([result.height, result.width]).toEqual(free ? [70, 90] : [48, 64]);
    expect(result.data).toBeInstanceOf(Float32Array);
  });

  it('knows other names', () => {
    for (const [alias, name] of Object.entries(presetAliases)) {
      expect(resolvePreprocess(alias, '', nchw)).toEqual(resolvePreprocess(name, '', nchw));
    }
  });

  it('reads a file: steps with comments, {steps}, {preset}', () => {
    const steps: Transform[] = [{ op: 'toTensor' }];
    expect(resolvePreprocess(file('// mine\n[{"op": "toTensor"},]'), folder, nchw)).toEqual(steps);
    expect(resolvePreprocess(file('{"steps": [{"op": "toTensor"}]}'), folder, nchw)).toEqual(steps);
    expect(resolvePreprocess(file('{"preset": "imagenet"}'), folder, nchw)).toHaveLength(4);
    expect(resolvePreprocess(join(folder, file('[]')), '/elsewhere', nchw)).toEqual([]);
  });

  it.each([
    ['imagnet', /no preprocessing preset "imagnet"/, /Did you mean "imagenet"\?/],
    ['./missing.json', /missing\.json cannot be read/, /path/],
  ])('refuses %s', (name, reason, fix) => {
    const error = catchError(() => resolvePreprocess(name, folder, nchw));
    expect(error).toMatchObject({ code: 'PREPROCESS_INVALID' });
    expect(error.reason).toMatch(reason);
    expect(error.fix).toMatch(fix);
  });

  it.each([
    ['[{"op": "resise", "size": 1}]', /step 1 of .*steps\.json has the unknown op "resise"/, /Did you mean "resize"/],
    ['[{"op": "toTensor"}, {"op": "resize", "sise": 1}]', /step 2 .* unknown field "sise"/, /Did you mean "size"/],
    ['[{"op": "resize"}]', /step 1 .*"size" is missing/, /size/],
    ['[{"op": "resize", "size": -3}]', /"size" is -3/, /size/],
    ['[{"op": "resize", "size": 3, "interpolation": "cubic"}]', /"interpolation" is "cubic"/, /interpolation/],
    ['[3]', /step 1 .*not an object with an "op"/, /op/],
    ['[{"op": "normalize", "mean": [0], "std": [1]}]', /normalize has no toTensor before it/, /toTensor/],
    ['[{"op": "toTensor"}, {"op": "toTensor"}]', /toTensor is there twice/, /one/],
    ['[{"op": "toTensor"}', /not valid JSON: CloseBracketExpected in line 1/, /line/],
    ['"imagenet"', /neither a list of steps nor/, /JSON array/],
    ['{"preset": "digit"}', /no preprocessing preset "digit"/, /Did you mean "digits"/],
  ])('refuses the file %s', (content, reason, fix) => {
    const error = catchError(() => resolvePreprocess(file(content), folder, nchw));
    expect(error).toMatchObject({ code: 'PREPROCESS_INVALID' });
    expect(error.reason).toMatch(reason);
    expect(error.fix).toMatch(fix);
  });
});

function catchError(action: () => unknown): { code: string; reason: string; fix: string } {
  try {
    action();
  } catch (error) {
    return error as { code: string; reason: string; fix: string };
  }
  throw new Error('nothing was thrown');
}
