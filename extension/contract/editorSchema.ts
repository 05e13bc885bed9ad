/**
 * The JSON schemas that editors use for completion (`schemas/*.schema.json`), written by `scripts/schemas.mjs`.
 *
 * They differ from the run-time schemas in one point: what has a default may be left out of the file, while after the check
 * it is always there.
 */
import type { TSchema } from '@sinclair/typebox';
import { planSchema } from './plan';
import { reportSchema } from './report';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** File name → schema as plain JSON. */
export function editorSchemas(): Record<string, Json> {
  return {
    'trtplan.schema.json': editorSchema(planSchema),
    'report.schema.json': editorSchema(reportSchema),
  };
}

function editorSchema(schema: TSchema): Json {
  // Through JSON: TypeBox keeps its own notes under symbols.
  const { $id: _, ...plain } = JSON.parse(JSON.stringify(schema)) as { [key: string]: Json };
  return { $schema: 'http://json-schema.org/draft-07/schema#', ...(relaxed(plain) as object) };
}

/** The schema with defaulted properties no longer required, at every depth. */
function relaxed(schema: Json): Json {
  if (Array.isArray(schema)) return schema.map(relaxed);
  if (schema === null || typeof schema !== 'object') return schema;
  const result = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, relaxed(value)]));
  const { required, properties } = schema;
  if (!Array.isArray(required) || !isObject(properties)) return result;
  const defaulted = Object.entries(properties).flatMap(([name, property]) =>
    isObject(property) && 'default' in property ? [name] : [],
  );
  const needed = required.filter((name) => !(defaulted as Json[]).includes(name));
  const { required: _, ...rest } = result;
  return needed.length === 0 ? rest : { ...rest, required: needed };
}

function isObject(value: Json | undefined): value is { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
