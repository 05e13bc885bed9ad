import { describe, expect, it, test } from 'vitest';
import {
  answerPlatform,
  checkAccelerator,
  checkTargets,
  findPlatform,
  possibleVariants,
  targetArchitectures,
} from '../../../extension/plan/findPlatform';
import { devices } from '../../../extension/plan/platforms';
import { completePlan } from '../../../extension/contract/checkSchema';

describe('findPlatform', () => {
  test.each([
    ['Jetson Nano', 'Jetson Nano', 'sm_53'],
    ['jetson-nano', 'Jetson Nano', 'sm_53'],
    ['Jetson TX 2', 'Jetson TX2', 'sm_62'],
    ['NVIDIA Tegra X1', 'Jetson TX1', 'sm_53'],
    ['Xavier NX', 'Jetson Xavier NX', 'sm_72'],
    ['AGX Xavier', 'Jetson AGX Xavier', 'sm_72'],
    ['Orin', 'Jetson Orin', 'sm_87'],
    ['orin nano', 'Jetson Orin Nano', 'sm_87'],
    ['NVIDIA Jetson Orin NX 16GB', 'Jetson Orin NX', 'sm_87'],
    ['Jetson Thor', 'Jetson AGX Thor', 'sm_110'],
    ['Tesla T4', 'T4', 'sm_75'],
    ['Tesla V100-SXM2-16GB', 'V100', 'sm_70'],
    ['NVIDIA A100-SXM4-80GB', 'A100', 'sm_80'],
    ['NVIDIA H100 80GB HBM3', 'H100', 'sm_90'],
    ['NVIDIA H200', 'H200', 'sm_90'],
    ['NVIDIA L40S', 'L40S', 'sm_89'],
    ['NVIDIA L4', 'L4', 'sm_89'],
    ['NVIDIA A10G', 'A10', 'sm_86'],
    ['NVIDIA B200', 'B200', 'sm_100'],
    ['NVIDIA GeForce RTX 2080 Ti', 'GeForce RTX 20 series', 'sm_75'],
    ['RTX3060', 'GeForce RTX 30 series', 'sm_86'],
    ['NVIDIA GeForce RTX 4090 Laptop GPU', 'GeForce RTX 40 series', 'sm_89'],
    ['rtx 5090', 'GeForce RTX 50 series', 'sm_120'],
    ['RTX 50', 'GeForce RTX 50 series', 'sm_120'],
    ['NVIDIA RTX A6000', 'RTX A series', 'sm_86'],
    ['NVIDIA RTX 6000 Ada Generation', 'RTX Ada Generation', 'sm_89'],
    ['Quadro RTX 8000', 'Quadro RTX', 'sm_75'],
    ['NVIDIA RTX PRO 6000 Blackwell', 'RTX PRO Blackwell', 'sm_120'],
    ['NVIDIA GeForce GTX 1080 Ti', 'GeForce GTX 10 series', 'sm_61'],
  ])('%s is the %s', (asked, name, target) => {
    const found = findPlatform(asked);
    expect(found.device?.name).toBe(name);
    expect(found.platform.target).toBe(target);
  });

  it.each(devices.map(({ name, target }) => [name, target]))('finds %s by its own name', (name, target) => {
    expect(findPlatform(name)).toMatchObject({ device: { name }, platform: { target } });
  });

  it.each(['sm_87', 'SM87', '8.7', '87', 'compute_87'])('%s is an architecture', (asked) => {
    expect(findPlatform(asked)).toMatchObject({ device: null, platform: { target: 'sm_87' } });
  });

  it('suggests the nearest name', () => {
    expect(() => findPlatform('Jetson Nanoo')).toThrow(
      expect.objectContaining({ code: 'TARGET_UNSUPPORTED', fix: expect.stringContaining('Jetson Nano?') as string }),
    );
    expect(() => findPlatform('sm_88')).toThrow(
      expect.objectContaining({ fix: expect.stringMatching(/sm_8\d\?/) as string }),
    );
    expect(() => findPlatform('a toaster oven')).toThrow(
      expect.objectContaining({ fix: expect.stringContaining('Name an architecture') as string }),
    );
  });
});

describe('targets of a plan', () => {
  it('are architectures, each once', () => {
    expect(targetArchitectures(['Jetson Orin', 'sm_87', 'RTX 4090'])).toEqual(['sm_87', 'sm_89']);
  });

  it('INT8 of a Jetson Nano is an error that names the device', () => {
    const check = () => checkTargets({ targets: ['Jetson Nano'], precisions: ['fp32', 'int8'] });
    expect(check).toThrow(
      expect.objectContaining({
        code: 'PRECISION_UNSUPPORTED',
        reason: expect.stringContaining('Jetson Nano (sm_53) has no INT8') as string,
        fix: expect.stringContaining('fp16') as string,
      }),
    );
  });

  it('TF32 of a Turing is refused, of an Ampere not', () => {
    expect(() => checkTargets({ targets: ['T4'], precisions: ['tf32'] })).toThrow(/T4 \(sm_75\) has no TF32 hardware/);
    expect(() => checkTargets({ targets: ['A100'], precisions: ['tf32', 'fp16-weak'] })).not.toThrow();
  });

  it('a precision that one of the targets can do is no error', () => {
    expect(() => checkTargets({ targets: ['T4', 'RTX 4090'], precisions: ['bf16', 'fp8'] })).not.toThrow();
    expect(() => checkTargets({ targets: [], precisions: ['fp8'] })).not.toThrow();
  });

  it('default precisions are those that a target can do', () => {
    expect(possibleVariants({ precisions: ['fp32', 'fp16', 'bf16', 'int8'], targets: ['Jetson TX2'] })).toEqual([
      'fp32',
      'fp16',
    ]);
    expect(possibleVariants({ precisions: ['fp32', 'tf32'], targets: [] })).toEqual(['fp32', 'tf32']);
  });
});

describe('a core of a deep learning accelerator', () => {
  const h200 = { name: 'NVIDIA H200', computeCapability: 'sm_90' };
  const { builder } = completePlan({ model: 'm.onnx', builder: { dla: 0 } });
  const asked =
    (targets: string[], gpu: typeof h200 | null = null) =>
    () =>
      void checkAccelerator({ targets, builder }, gpu);

  it('is refused where nothing has one, with the devices that do', () => {
    expect(asked([], h200)).toThrow(
      expect.objectContaining({
        code: 'TARGET_UNSUPPORTED',
        reason: expect.stringContaining('NVIDIA H200 (sm_90) has no deep learning accelerator') as string,
        fix: expect.stringContaining('Jetson AGX Orin') as string,
      }),
    );
    expect(asked(['Orin Nano'])).toThrow(/Orin Nano \(sm_87\)/);
  });

  it('is taken where a target or the GPU of this machine has one, or none is known', () => {
    expect(asked(['Orin Nano', 'AGX Orin'])).not.toThrow();
    expect(asked([], { name: 'Orin', computeCapability: 'sm_87' })).not.toThrow();
    expect(asked([])).not.toThrow();
    const without = completePlan({ model: 'm.onnx' }).builder;
    expect(() => {
      checkAccelerator({ targets: [], builder: without }, h200);
    }).not.toThrow();
  });
});

describe('answerPlatform', () => {
  it('tells what a device can do, what it cannot, and where sources disagree', () => {
    expect(answerPlatform('Jetson TX2')).toMatchObject({
      device: 'Jetson TX2',
      target: 'sm_62',
      precisions: ['fp32', 'fp16'],
      missing: ['bf16', 'int8', 'fp8', 'int4', 'fp4', 'tf32'],
      dla: false,
      newestTensorRT: '8.2.1',
      notes: [expect.stringMatching(/torch2trt.*NVIDIA/)],
    });
  });

  it('DLA is a matter of the device, not of the architecture', () => {
    expect(answerPlatform('Orin Nano').dla).toBe(false);
    expect(answerPlatform('AGX Orin').dla).toBe(true);
    expect(answerPlatform('sm_87').dla).toBe(true);
  });
});
