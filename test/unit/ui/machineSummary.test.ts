import { expect, it } from 'vitest';
import type { BackendInfo } from '../../../extension/contract/backendInfo';
import { abilityOf, machineSummary } from '../../../extension/ui/machineSummary';
import { backend, machine } from './machines';

it('names the GPU and every TensorRT that is usable', () => {
  const found = machine({
    gpu: 'NVIDIA L4',
    backends: [backend('tensorrt', { version: '10.6.0', runs: true }), backend('tensorrt-rtx')],
  });
  expect(machineSummary(found).text).toBe('L4 · TensorRT 10.6.0, TensorRT-RTX 1.7.1');
  expect(machineSummary(found).lines).toEqual([
    'NVIDIA L4, compute capability 8.9',
    'TensorRT 10.6.0: builds and runs engines here',
    'TensorRT-RTX 1.7.1: builds engines for sm_75, sm_89',
  ]);
});

it('says what is missing', () => {
  const found = machine({
    backends: [backend('tensorrt', { available: false, version: null, reason: 'No library.' })],
  });
  expect(machineSummary(found)).toEqual({
    text: 'no GPU · no TensorRT',
    lines: ['No GPU found', 'TensorRT: No library.'],
  });
});

it('tells a runtime that builds nothing from one that does nothing', () => {
  const base: Partial<BackendInfo> = { builds: false, targets: [] };
  expect(abilityOf(backend('onnxruntime', { ...base, runs: true }))).toBe('runs models on this processor');
  expect(abilityOf(backend('tensorrt', { ...base, runs: false, reason: 'It has no builder.' }))).toBe(
    'It has no builder.',
  );
});
