import { describe, expect, test } from 'vitest';
import { CodedError } from '../../../extension/contract/errors';
import { checkPrecision, devices, explainTarget, platformOf, platforms } from '../../../extension/plan/platforms';

describe('platforms', () => {
  test('a refused Jetson Nano is told which TensorRT it needs', () => {
    const text = explainTarget('sm_53');
    expect(text).toContain('Jetson Nano');
    expect(text).toContain('TensorRT 8');
    expect(text).toContain('8.2.1');
  });

  test('a current data-center GPU is told that TensorRT builds there', () => {
    expect(explainTarget('sm_90')).toMatch(/H100.*TensorRT 11/);
  });

  test('an unknown architecture has no explanation', () => {
    expect(explainTarget('sm_999')).toBeNull();
  });

  test('no INT8 before Xavier, BF16 and INT4 weights from Ampere, FP8 from Ada', () => {
    expect(platformOf('sm_62')?.precisions).toEqual(['fp32', 'fp16']);
    expect(platformOf('sm_72')?.precisions).toContain('int8');
    expect(platformOf('sm_75')?.precisions).not.toContain('bf16');
    expect(platformOf('sm_80')?.precisions).not.toContain('fp8');
    expect(platformOf('sm_89')?.precisions).toContain('fp8');
    expect(platformOf('sm_75')?.precisions).not.toContain('int4');
    expect(platformOf('sm_80')?.precisions).toContain('int4');
    expect(platforms.filter(({ fp4 }) => fp4).map(({ architecture }) => architecture)).toEqual(
      Array<string>(6).fill('Blackwell'),
    );
  });

  test('Pascal: the P4 has INT8 and no FP16, the P100 the reverse', () => {
    expect(platformOf('sm_61')?.precisions).toEqual(['fp32', 'int8']);
    expect(platformOf('sm_60')?.precisions).toEqual(['fp32', 'fp16']);
  });

  test('a refusal names the nearest thing that works', () => {
    const refusal = (target: string, precision: 'int8' | 'bf16' | 'fp8' | 'int4'): string => {
      try {
        checkPrecision(target, precision);
      } catch (error) {
        return (error as CodedError).fix;
      }
      throw new Error('It was not refused.');
    };
    expect(refusal('sm_53', 'int8')).toMatch(/Use fp16 .*Jetson with int8 is Jetson Xavier NX/);
    expect(refusal('sm_75', 'bf16')).toMatch(/Use fp16 .*GPU with bf16 is A100/);
    expect(refusal('sm_75', 'int4')).toMatch(/Use int8 .*GPU with int4 is A100/);
    expect(refusal('sm_80', 'fp8')).toMatch(/Use int8 .*GPU with fp8 is L4/);
  });

  test('says where torch2trt and NVIDIA disagree', () => {
    expect(() => checkPrecision('sm_62', 'int8')).toThrow(/torch2trt's page lists INT8 for the Jetson TX2/);
  });

  test('every device has an architecture of the table, and a name of its own', () => {
    expect(devices.filter(({ target }) => platformOf(target) === undefined)).toEqual([]);
    expect(new Set(devices.map(({ name }) => name)).size).toBe(devices.length);
  });

  test('a precision without hardware is refused with those that work', () => {
    const refuse = (): void => checkPrecision('sm_75', 'bf16');
    expect(refuse).toThrow(CodedError);
    expect(refuse).toThrow(/PRECISION_UNSUPPORTED.*T4.*BF16/);
    expect(() => checkPrecision('sm_53', 'int8')).toThrow(/Jetson Nano/);
    expect(() => checkPrecision('sm_75', 'int8')).not.toThrow();
    expect(() => checkPrecision('sm_999', 'fp8')).not.toThrow();
  });

  test('each architecture stands in the table once', () => {
    expect(new Set(platforms.map((platform) => platform.target)).size).toBe(platforms.length);
  });
});
