import { describe, expect, test } from 'vitest';
import {
  comparePassport,
  describeDifferences,
  passportPath,
  type EngineMachine,
  type EnginePassport,
} from '../../../extension/contract/enginePassport';

const h100 = { name: 'NVIDIA H100', computeCapability: 'sm_90', driver: 'CUDA 13.0', memoryBytes: 8e10 };
const passport: EnginePassport = {
  schemaVersion: 1,
  createdAt: '2026-11-23T00:00:00.000Z',
  engine: { file: 'net.engine', bytes: 1, sha256: 'a' },
  tensorrt: { backend: 'tensorrt', flavour: '10', version: '10.6.0' },
  gpu: h100,
  targets: [],
  versionCompatible: false,
  hardwareCompatible: false,
  model: { file: 'net.onnx', sha256: 'b' },
  plan: { sha256: 'c' },
  precision: 'fp16',
  typing: 'strong',
  bindings: [],
  profiles: [],
  layers: null,
};
const here: EngineMachine = { backend: 'tensorrt', version: '10.6.0', gpu: h100 };
const blocking = (engine: Partial<EnginePassport>, machine: Partial<EngineMachine>) =>
  comparePassport({ ...passport, ...engine }, { ...here, ...machine })
    .filter(({ blocks }) => blocks)
    .map(({ what }) => what);

describe('an engine and a machine', () => {
  test('the machine that built it differs in nothing', () => {
    expect(comparePassport(passport, here)).toEqual([]);
  });

  test('another version blocks, unless the engine is version-compatible and the library later, of the same major', () => {
    expect(blocking({}, { version: '10.7.0' })).toEqual(['version']);
    expect(blocking({ versionCompatible: true }, { version: '10.7.0' })).toEqual([]);
    expect(blocking({ versionCompatible: true }, { version: '10.10.0' })).toEqual([]);
    expect(blocking({ versionCompatible: true }, { version: '10.5.9' })).toEqual(['version']);
    expect(blocking({ versionCompatible: true }, { version: '11.0.0' })).toEqual(['version']);
    expect(blocking({ versionCompatible: true }, { version: null })).toEqual(['version']);
  });

  test('another architecture blocks, unless the engine is hardware-compatible and the GPU of Ampere or later', () => {
    const a100 = { ...h100, name: 'NVIDIA A100', computeCapability: 'sm_80' };
    const t4 = { ...h100, name: 'Tesla T4', computeCapability: 'sm_75' };
    expect(blocking({}, { gpu: a100 })).toEqual(['computeCapability']);
    expect(blocking({ hardwareCompatible: true }, { gpu: a100 })).toEqual([]);
    expect(blocking({ hardwareCompatible: true }, { gpu: t4 })).toEqual(['computeCapability']);
  });

  test('another GPU of the architecture and another driver are told and do not block', () => {
    const gpu = { ...h100, name: 'NVIDIA H200', driver: 'CUDA 12.4' };
    const differences = comparePassport(passport, { ...here, gpu });
    expect(differences.map(({ what, blocks }) => [what, blocks])).toEqual([
      ['gpu', false],
      ['driver', false],
    ]);
    expect(describeDifferences(differences)).toBe(
      'GPU: built for NVIDIA H100, here NVIDIA H200; driver: built for CUDA 13.0, here CUDA 12.4',
    );
  });

  test('without a GPU nothing runs; RTX runs on the architectures that it was built for', () => {
    expect(blocking({}, { gpu: null })).toEqual(['gpu']);
    const rtx = { ...passport, gpu: null, targets: ['sm_89', 'sm_90'] };
    expect(blocking(rtx, {})).toEqual([]);
    expect(blocking({ ...rtx, targets: ['sm_89'] }, {})).toEqual(['computeCapability']);
    expect(blocking({ tensorrt: { backend: 'tensorrt-rtx', flavour: 'rtx', version: '10.6.0' } }, {})).toEqual([
      'backend',
    ]);
  });

  test('it lies beside the engine', () => {
    expect(passportPath('/a/b.engine')).toBe('/a/b.engine.passport.json');
  });
});
