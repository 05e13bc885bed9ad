import { expect, it } from 'vitest';
import type { PrecisionCapability } from '../../../../extension/contract/panels/convertPanel';
import { commonReason } from '../../../../webview/convert/commonReason';

const capability = (precision: PrecisionCapability['precision'], reason: string): PrecisionCapability => ({
  precision,
  state: 'builds',
  reason,
});

it('says once what most share', () => {
  const list = [capability('fp32', 'a'), capability('fp16', 'b'), capability('bf16', 'b')];
  expect(commonReason(list)).toBe('b');
});

it('says nothing where all differ, or nothing is known', () => {
  expect(commonReason([capability('fp32', 'a'), capability('fp16', 'b')])).toBeNull();
  expect(commonReason([])).toBeNull();
});
