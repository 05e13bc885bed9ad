import { describe, expect, it } from 'vitest';
import { chooseEngineBuilder } from '../../../extension/build/chooseEngineBuilder';
import type { BackendInfo } from '../../../extension/contract/backendInfo';
import { completePlan } from '../../../extension/contract/checkSchema';
import type { Plan } from '../../../extension/contract/plan';

const info = (name: BackendInfo['name'], more: Partial<BackendInfo> = {}): BackendInfo => ({
  name,
  version: '1.7',
  library: `/lib/${name}.so`,
  available: true,
  reason: null,
  builds: true,
  targets: ['sm_75', 'sm_89'],
  runs: false,
  precisions: ['fp32', 'fp16'],
  ...more,
});
const runtime = info('onnxruntime', { builds: false, targets: [], runs: true });
const rtx = info('tensorrt-rtx');
const tensorrt = info('tensorrt', { targets: ['sm_90'], runs: true });
const missing = info('tensorrt-rtx', { available: false, builds: false, targets: [], reason: 'No library was found.' });

const plan = (more: Partial<Plan>): Plan => ({ ...completePlan({ model: 'm.onnx' }), ...more });
const choose = (more: Partial<Plan>, ...backends: BackendInfo[]) =>
  chooseEngineBuilder(plan(more), [runtime, ...backends]);

describe('chooseEngineBuilder', () => {
  it('builds nothing for a machine that could not run it, unless asked', () => {
    expect(choose({}, rtx)).toBeNull();
    expect(choose({}, missing)).toBeNull();
    expect(choose({ backend: 'onnxruntime', targets: ['sm_89'] }, rtx)).toBeNull();
  });

  it('builds for the GPU of this machine where there is one', () => {
    expect(choose({}, rtx, tensorrt)).toEqual({ name: 'tensorrt', version: '1.7', targets: [null] });
  });

  it('takes the backend that serves all targets', () => {
    expect(choose({ targets: ['sm_75', 'sm_89'] }, tensorrt, rtx)).toEqual({
      name: 'tensorrt-rtx',
      version: '1.7',
      targets: ['sm_75', 'sm_89'],
    });
    expect(choose({ targets: ['sm_90'] }, rtx, tensorrt)).toEqual({
      name: 'tensorrt',
      version: '1.7',
      targets: ['sm_90'],
    });
    expect(choose({ targets: ['RTX 4090', 'T4'] }, rtx)?.targets).toEqual(['sm_89', 'sm_75']);
  });

  it('builds for the GPU of this machine where that is the target', () => {
    const gpu = { name: 'H200', computeCapability: 'sm_90', driver: null, memoryBytes: null };
    const local = info('tensorrt', { targets: [], runs: true, gpu });
    expect(choose({ targets: ['H200'] }, rtx, local)).toEqual({ name: 'tensorrt', version: '1.7', targets: [null] });
    expect(() => choose({ targets: ['T4'], backend: 'tensorrt' }, local)).toThrow(
      expect.objectContaining({
        code: 'TARGET_UNSUPPORTED',
        fix: expect.stringContaining('leave out the target') as string,
      }),
    );
  });

  it('refuses a target that no backend has, with what the platform needs', () => {
    expect(() => choose({ targets: ['sm_89', 'sm_53'] }, rtx)).toThrow(
      expect.objectContaining({
        code: 'TARGET_UNSUPPORTED',
        reason: expect.stringMatching(/cannot build for sm_53\. .*Jetson Nano.*needs TensorRT 8/) as string,
        fix: expect.stringContaining('sm_75, sm_89') as string,
        place: { field: 'targets' },
      }),
    );
  });

  it('names why there is no TensorRT when a target or a backend asks for one', () => {
    const unavailable = {
      code: 'BACKEND_UNAVAILABLE',
      reason: expect.stringContaining('tensorrt-rtx: No library was found.') as string,
    };
    expect(() => choose({ targets: ['sm_89'] }, missing)).toThrow(
      expect.objectContaining({ ...unavailable, place: { field: 'targets' } }),
    );
    expect(() => choose({ backend: 'tensorrt-rtx' }, missing)).toThrow(
      expect.objectContaining({ ...unavailable, place: { field: 'backend' } }),
    );
  });

  it('asks for a target where there is no GPU to take it from', () => {
    expect(() => choose({ backend: 'tensorrt-rtx' }, rtx)).toThrow(
      expect.objectContaining({
        code: 'TARGET_UNSUPPORTED',
        fix: expect.stringContaining('--target sm_75') as string,
      }),
    );
  });

  it('does not look at backends that the plan did not ask for', () => {
    expect(() => choose({ backend: 'tensorrt', targets: ['sm_89'] }, rtx, tensorrt)).toThrow(
      expect.objectContaining({ code: 'TARGET_UNSUPPORTED' }),
    );
  });
});
