import { describe, expect, test } from 'vitest';
import type { Backend } from '../../../extension/backends/backend';
import { chooseBuilder, chooseRunner } from '../../../extension/backends/choose';
import { FakeBackend } from '../../../extension/backends/fake';
import { OnnxRuntimeBackend } from '../../../extension/backends/onnxRuntime';

const onnxruntime = new OnnxRuntimeBackend();
const fake = new FakeBackend();
const backends: readonly Backend[] = [onnxruntime, fake];

describe('chooseRunner', () => {
  test('ONNX files run in onnxruntime, whoever wrote them', () => {
    expect(chooseRunner(backends, { kind: 'onnx', backend: null, path: 'm.onnx' })).toBe(onnxruntime);
    expect(chooseRunner(backends, { kind: 'onnx', backend: 'tensorrt', path: 'm.onnx' })).toBe(onnxruntime);
  });

  test('an engine runs in the backend that built it', () => {
    expect(chooseRunner(backends, { kind: 'engine', backend: 'fake', path: 'e' })).toBe(fake);
  });

  test.each([
    [{ kind: 'engine', backend: 'tensorrt', path: 'e.engine' } as const, /e\.engine was built with tensorrt/],
    [{ kind: 'engine', backend: null, path: 'e.engine' } as const, /unknown backend/],
    [{ kind: 'table', backend: null, path: 'c.json' } as const, /c\.json is calibration data/],
  ])('refuses %o', (artifact, reason) => {
    expect(() => chooseRunner(backends, artifact)).toThrow(reason);
  });
});

describe('chooseBuilder', () => {
  test('finds a backend that builds', () => {
    expect(chooseBuilder(backends, 'fake')).toBe(fake);
  });

  test('refuses one that does not, and one that is not here', () => {
    expect(() => chooseBuilder(backends, 'onnxruntime')).toThrow(/builds no engines/);
    expect(() => chooseBuilder(backends, 'tensorrt-rtx')).toThrow(/there are: onnxruntime, fake/);
  });
});
