import { expect, it } from 'vitest';
import { completePlan, type PlanParts } from '../../../../extension/contract/checkSchema';
import type { BackendInfo } from '../../../../extension/contract/backendInfo';
import type { VariantName } from '../../../../extension/contract/plan';
import { missingOnTargets, precisionCapabilities } from '../../../../extension/ui/convert/precisionCapabilities';
import { backend, machine } from '../machines';

const plan = (parts: Partial<PlanParts> = {}) => completePlan({ model: 'm.onnx', ...parts });
const of = (variant: VariantName, parts: Partial<PlanParts>, backends: readonly BackendInfo[]) =>
  precisionCapabilities(plan(parts), backends).find(({ precision }) => precision === variant)!;

it('simulates without TensorRT, and says why', () => {
  expect(of('fp16', {}, [])).toMatchObject({
    state: 'simulated',
    reason: expect.stringContaining('processor') as string,
  });
  expect(of('int8', { targets: ['sm_89'] }, []).reason).toMatch(/No TensorRT that builds engines was found/);
});

it('builds for targets where no GPU is, and names them', () => {
  const found = of('int8', { targets: ['sm_89'] }, [backend('tensorrt-rtx')]);
  expect(found.state).toBe('builds');
  expect(found.reason).toContain('TensorRT-RTX 1.7.1 builds engines for sm_89');
});

it('runs on the GPU of the machine', () => {
  const { backends } = machine({
    gpu: 'NVIDIA L4',
    backends: [backend('tensorrt', { version: '10.6.0', runs: true })],
  });
  expect(of('fp16', {}, backends)).toMatchObject({ state: 'runs' });
});

it('knows what hardware lacks, from the table: on all targets, not on one of them', () => {
  expect(of('int8', { targets: ['sm_53'] }, [])).toMatchObject({
    state: 'unsupported',
    reason: expect.stringMatching(/sm_53 \(.*Jetson.*\) has no INT8 hardware/) as string,
  });
  expect(of('int8', { targets: ['sm_53', 'sm_89'] }, []).state).toBe('simulated');
  expect(of('fp16', { targets: ['sm_53'] }, []).state).toBe('simulated');
  expect(missingOnTargets(plan({ targets: ['Jetson TX2'] }), 'int8-weak')).toMatch(/sm_62/);
  expect(missingOnTargets(plan(), 'int8')).toBeNull();
});

it('knows what the own GPU lacks', () => {
  const own = [backend('tensorrt', { version: '10.6.0', runs: true })];
  const { backends } = machine({ gpu: 'Tesla T4', capability: '7.5', backends: own });
  expect(of('bf16', {}, backends).state).toBe('unsupported');
  expect(of('int8', {}, backends).state).toBe('runs');
});

it('leaves weak typing to the versions that have it', () => {
  const on = (version: string) =>
    machine({ gpu: 'NVIDIA L4', backends: [backend('tensorrt', { version, runs: true })] }).backends;
  expect(of('fp16-weak', {}, on('10.6.0')).state).toBe('runs');
  expect(of('fp16-weak', {}, on('8.6.1')).state).toBe('runs');
  expect(of('int8-tensorrt', {}, on('11.4.0')).state).toBe('unsupported');
  expect(of('fp16-weak', { targets: ['sm_89'] }, [backend('tensorrt-rtx')]).state).toBe('unsupported');
});

it('does not stumble over a target that is none', () => {
  expect(of('fp16', { targets: ['toaster'] }, [backend('tensorrt-rtx')]).state).toBe('simulated');
});

it('leaves INT4 weights to Ampere and later, and to TensorRT 10 and later', () => {
  const on = (version: string) =>
    machine({ gpu: 'NVIDIA L4', backends: [backend('tensorrt', { version, runs: true })] }).backends;
  expect(of('int4', {}, on('10.6.0')).state).toBe('runs');
  expect(of('int4', {}, on('8.6.1'))).toEqual({
    precision: 'int4',
    state: 'unsupported',
    reason: 'TensorRT 8 has no INT4 weights; it takes TensorRT 10 or newer.',
  });
  expect(of('int4', { targets: ['sm_75'] }, [backend('tensorrt-rtx')]).reason).toMatch(/has no INT4 hardware/);
  expect(of('int4', { targets: ['sm_89'] }, [backend('tensorrt-rtx')]).state).toBe('builds');
  expect(of('int4', {}, []).state).toBe('simulated');
});
