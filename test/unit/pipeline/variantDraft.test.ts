import { expect, it } from 'vitest';
import type { ErrorData } from '../../../extension/contract/errors';
import type { VariantRecipe } from '../../../extension/contract/stageMethods';
import { adviseLikeBaseline, newDraft } from '../../../extension/pipeline/variantDraft';

const draft = (name: string) => newDraft({ name } as VariantRecipe);
const error = (fix: string, code: ErrorData['code'] = 'ENGINE_BUILD'): ErrorData => ({ code, reason: 'no', fix });

it('advises a variant what FP32 is where the graph itself is refused, for the same architecture and code only', () => {
  const [fp32, fp16, int8] = [draft('fp32'), draft('fp16'), draft('int8')];
  fp32.refusals.push({ target: 'sm_89', error: error('another TensorRT') });
  fp16.refusals.push({ target: 'sm_89', error: error('keep nodes') }, { target: 'sm_75', error: error('keep nodes') });
  int8.refusals.push({ target: 'sm_89', error: error('other card', 'PRECISION_UNSUPPORTED') });
  adviseLikeBaseline([fp32, fp16, int8]);
  expect(fp16.refusals.map((refusal) => refusal.error.fix)).toEqual(['another TensorRT', 'keep nodes']);
  expect(int8.refusals.map((refusal) => refusal.error.fix)).toEqual(['other card']);
});
