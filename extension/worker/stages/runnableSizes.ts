/** The first guess of `calibrate/datasets/randomSizes.ts` with which the model runs. Part of the `selectData` stage. */
import type { Backend } from '../../backends/backend';
import { guessSizes, type InputSizes } from '../../calibrate/datasets/randomSizes';
import { openRandom } from '../../calibrate/datasets/randomSource';
import { CodedError } from '../../contract/errors';
import type { Plan } from '../../contract/plan';
import type { NamedTensors, ValueSpec } from '../../contract/tensor';

/**
 * @returns the only guess unseen where nothing is open, and the first where the model cannot be opened: the stages after
 *   this one say why
 * @throws CodedError RUNTIME_FAILED of the first guess when the model runs with none
 */
export async function runnableSizes(
  model: string,
  inputs: readonly ValueSpec[],
  shapes: Plan['shapes'],
  runtime: Backend,
): Promise<InputSizes> {
  const [first, ...others] = guessSizes(inputs, shapes);
  if (first === undefined || others.length === 0) return first ?? {};
  const session = await runtime.open({ kind: 'onnx', path: model }).catch(() => null);
  if (session === null) return first;
  let failure: unknown = null;
  try {
    for (const sizes of [first, ...others]) {
      const { values } = await openRandom(inputs, 1, 0, sizes).read(0);
      try {
        await session.run(values as NamedTensors);
        return sizes;
      } catch (error) {
        failure ??= error;
      }
    }
  } finally {
    await session.close();
  }
  throw explained(failure, first);
}

function explained(failure: unknown, sizes: InputSizes): unknown {
  if (!CodedError.is(failure, 'RUNTIME_FAILED')) return failure;
  const tried = Object.entries(sizes).map(([name, dims]) => `${name}=${dims.join('x')}`);
  return new CodedError({
    code: 'RUNTIME_FAILED',
    reason: `The model runs with none of the made-up inputs that were tried, first ${tried.join(' ')}: ${failure.reason}`,
    fix: 'Give its real sizes with --shape NAME=1x512 (repeat for every input), or real data with --data.',
    ...(failure.place === undefined ? {} : { place: failure.place }),
  });
}
