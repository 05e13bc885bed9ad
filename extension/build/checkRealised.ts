/**
 * Is an engine what was asked for? TensorRT may run an "FP16" engine in FP32, and says so only to who inspects its layers.
 *
 * Comes after `buildEngine.ts`, where the engine could be inspected.
 */
import { CodedError } from '../contract/errors';
import type { Precision } from '../contract/plan';
import type { BuildSummary } from '../contract/report';
import type { VariantRecipe } from '../contract/stageMethods';

/** Layers that compute nothing in a type of their own. */
const untyped: ReadonlySet<string> = new Set(['integer', 'reformat']);

/** INT4 is a form of weights: its products compute in FP16, and the inspector need not list constants. */
const computesAs: Partial<Record<Precision, readonly string[]>> = { int4: ['int4', 'fp16'] };

/**
 * @throws CodedError PRECISION_NOT_REALISED when layers compute in known types and none in the variant's. An engine that
 *   could not be inspected, as one for another GPU, passes: nothing is known against it.
 */
export function checkRealised({ realised }: BuildSummary, { name, precision, typing }: VariantRecipe): void {
  if (precision === 'fp32' || realised === null) return;
  const computing = Object.entries(realised).filter(([type, { layers }]) => !untyped.has(type) && layers > 0);
  const right = computesAs[precision] ?? [precision];
  if (computing.length === 0 || computing.some(([type]) => right.includes(type))) return;
  const found = computing.map(([type, { layers }]) => `${type} ${(100 * layers).toFixed(0)} %`).join(', ');
  throw new CodedError({
    code: 'PRECISION_NOT_REALISED',
    reason: `No layer of the engine for ${name} computes in ${precision.toUpperCase()} (of its layers: ${found}): it is another precision under this name.`,
    fix:
      typing === 'weak'
        ? 'The optimizer found other types faster for every layer; use --typing strong (TensorRT 10 and newer), or do without this variant.'
        : `Look at the decisions of ${name} in the report for what keeps its layers in another precision.`,
    place: { field: 'precisions' },
  });
}
