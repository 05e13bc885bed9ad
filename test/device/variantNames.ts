/** What the variants of a run are called in the measurements. */

/** The rest keep their names. */
const renamed: Readonly<Record<string, string>> = { fp16: 'fp16-strong', int8: 'int8-qdq' };

/** Of the run whose inputs and outputs are FP16, this is all that is kept. */
const withHalfBindings: Readonly<Record<string, string>> = { fp16: 'fp16-io16' };

export const measuredName = (name: string): string => renamed[name] ?? name;

export const halfBindingsName = (name: string): string | null => withHalfBindings[name] ?? null;
