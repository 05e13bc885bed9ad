/** One request over all variants, which survives the death of the worker by one of them. */
import { CodedError, throwIfCancelled, type ErrorData } from '../contract/errors';
import type { PerVariant, VariantFile } from '../contract/stageMethods';

/**
 * Runs a request over all variants at once, so that they see the same batches and the same minutes. If the worker dies
 * of one of them, each is tried alone: the culprit gets the error, the others their results.
 *
 * @returns the results, and what else each answer said
 */
export async function perVariant<T, More>(
  variants: readonly VariantFile[],
  request: (variants: readonly VariantFile[]) => Promise<PerVariant<T> & More>,
  signal: AbortSignal | undefined,
): Promise<PerVariant<T> & { readonly answers: readonly More[] }> {
  try {
    const answer = await request(variants);
    return { results: answer.results, errors: answer.errors, answers: [answer] };
  } catch (error) {
    const died = CodedError.is(error, 'WORKER_CRASHED') || CodedError.is(error, 'WORKER_OUT_OF_MEMORY');
    if (!died || variants.length < 2) throw error;
  }
  const answers: (PerVariant<T> & More)[] = [];
  const deaths: Record<string, ErrorData> = {};
  for (const variant of variants) {
    throwIfCancelled(signal);
    try {
      answers.push(await request([variant]));
    } catch (error) {
      if (CodedError.is(error, 'CANCELLED')) throw error;
      deaths[variant.name] = CodedError.from(error).toJSON();
    }
  }
  return {
    results: Object.assign({}, ...answers.map(({ results }) => results)) as Record<string, T>,
    errors: Object.assign({}, ...answers.map(({ errors }) => errors), deaths) as Record<string, ErrorData>,
    answers,
  };
}
