/** Reads from the graph inputs how samples may be put together; `batches` obeys. */
import type { ValueSpec } from '../../contract/tensor';
import type { BatchRule } from '../dataset';
import { staticSize } from '../transforms/imageInput';

/** Symbols of a first axis that counts steps in time: rows are no samples there. */
const timeAxis = /seq|time|step|frame|len/i;

export function batchRuleOf(inputs: readonly ValueSpec[]): BatchRule {
  const firsts = inputs.map(({ shape }) => (shape === null || shape.length === 0 ? 1 : shape[0]!));
  if (firsts.some((first) => typeof first === 'string' && timeAxis.test(first))) return { kind: 'single' };
  const sizes = new Set(firsts.map(staticSize));
  const [size] = sizes;
  if (sizes.size !== 1 || size === undefined || size === 1) return { kind: 'single' };
  return size === null ? { kind: 'any' } : { kind: 'fixed', size };
}
