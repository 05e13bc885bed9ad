/**
 * A copy of a model that can be rewritten without touching the original. Weights are shared: payloads are immutable by
 * convention, so a variant costs the size of the structure only.
 */
import { isFileRange } from './fileRange';
import type { Model } from './model';

export function cloneModel(model: Model): Model {
  return { path: model.path, proto: cloneMessage(model.proto) };
}

/** A deep copy of a message; byte arrays, typed arrays and file ranges are shared. */
export function cloneMessage<T>(value: T): T {
  if (Array.isArray(value)) return value.map(cloneMessage) as T;
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || isFileRange(value)) return value;
  // A spread also copies the wire notes, which stand under a symbol and are never edited.
  const copy = { ...value };
  for (const key of Object.keys(copy) as (keyof T)[]) {
    const field = copy[key];
    if (typeof field === 'object') copy[key] = cloneMessage(field);
  }
  return copy;
}
