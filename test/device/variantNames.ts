/** What the variants of a run are called in the measurements. */
import type { Variant } from '../../extension/contract/report';

type Named = Pick<Variant, 'name' | 'build'>;

/** `fp16` and `int8` say how their types came about; TensorRT 8 has weak typing only. The rest keep their names. */
export function measuredName({ name, build }: Named): string {
  if (name === 'fp16') return build?.typing === 'weak' ? 'fp16-weak' : 'fp16-strong';
  return name === 'int8' ? 'int8-qdq' : name;
}

/** Of the run whose inputs and outputs are FP16, this is all that is kept. */
export function halfBindingsName({ name }: Named): string | null {
  return name === 'fp16' ? 'fp16-io16' : null;
}
