/**
 * The first fault of a value against a TypeBox schema, for files that are checked piece by piece with messages of their own.
 * Plans and reports are checked whole, in `checkSchema.ts`.
 */
import type { Static, TSchema } from '@sinclair/typebox';
import { Ajv, type ValidateFunction } from 'ajv';

export interface SchemaFault {
  /** Keys from the outside in; empty when the value as a whole is wrong. A missing key is included. */
  readonly path: readonly string[];
  readonly message: string;
}

// The schemas are code: checking them against JSON Schema's own would cost the first use some fifty milliseconds.
const ajv = new Ajv({ strict: false, meta: false, validateSchema: false });
const compiled = new WeakMap<TSchema, ValidateFunction>();

function validatorOf(schema: TSchema): ValidateFunction {
  let validator = compiled.get(schema);
  if (validator === undefined) compiled.set(schema, (validator = ajv.compile(schema)));
  return validator;
}

/** Is the value of the schema's type? */
export function matchesSchema<S extends TSchema>(schema: S, value: unknown): value is Static<S> {
  return validatorOf(schema)(value);
}

/** Null when the value fits. */
export function schemaFault(schema: TSchema, value: unknown): SchemaFault | null {
  const validator = validatorOf(schema);
  if (validator(value)) return null;
  const [error] = validator.errors ?? [];
  // A JSON pointer; tensor names are full of slashes.
  const parts = (error?.instancePath ?? '').split('/').slice(1);
  const path = parts.map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  const missing = (error?.params as { missingProperty?: string } | undefined)?.missingProperty;
  return {
    path: missing === undefined ? path : [...path, missing],
    message: error?.message ?? 'has another structure',
  };
}
