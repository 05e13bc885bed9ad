/** Recipes of variants for tests of single stages. */
import type { VariantName } from '../../extension/contract/plan';
import { precisionOf } from '../../extension/contract/plan';
import type { VariantRecipe } from '../../extension/contract/stageMethods';

/** A strongly typed variant as TensorRT 10, 11 and RTX build it. */
export function recipe(name: VariantName, more: Partial<VariantRecipe> = {}): VariantRecipe {
  const precision = precisionOf(name);
  return {
    name,
    precision,
    graph: precision,
    typing: 'strong',
    tf32: name === 'tf32',
    calibrator: precision === 'int8' || precision === 'fp8' ? 'builtin' : null,
    rest: 'fp16',
    weightStorage: 'auto',
    int4Block: 128,
    ...more,
  };
}
