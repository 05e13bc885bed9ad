/**
 * Operator signatures of the ONNX standard domain: which inputs and outputs share a type, and which float types it admits.
 *
 * The rows come from ONNX itself (`opSchemas.generated.ts`): `op|since|inputs|outputs|variables`. A slot is a type variable
 * (`T`), a fixed type (`=int64`), with `*` for "any number, one type" and `**` for "any number, any types". A variable lists
 * the floats it admits, `f`, `h`, `b` for fp32, fp16, bf16. Used by type inference, the precision rules and the cast writer.
 */
import type { DType } from '../contract/tensor';
import { normalDomain } from '../model/model';
import type { NodeProto } from '../model/onnx.generated';
import { opSchemaRows } from './opSchemas.generated';

export interface Slot {
  /** Type variable, or null where the type is fixed. */
  readonly variable: string | null;
  /** The fixed type, or null for a variable and for types that are no plain tensor. */
  readonly dtype: DType | null;
  readonly variadic: 'no' | 'oneType' | 'anyTypes';
}

export interface OpSchema {
  readonly opType: string;
  readonly sinceVersion: number;
  readonly inputs: readonly Slot[];
  readonly outputs: readonly Slot[];
  /** Floats that a type variable admits: some of `fhb`. */
  readonly variables: ReadonlyMap<string, string>;
}

const letters: Partial<Record<DType, string>> = { fp32: 'f', fp16: 'h', bf16: 'b' };

/** Does a type variable of this operator admit the type? Only asked of the floats fp32, fp16 and bf16. */
export function admits(schema: OpSchema, variable: string, dtype: DType): boolean {
  const letter = letters[dtype];
  return letter !== undefined && (schema.variables.get(variable) ?? '').includes(letter);
}

/** The slot that the input (or output) at an index fills, or undefined beyond the signature. */
export function slotAt(slots: readonly Slot[], index: number): Slot | undefined {
  if (index < slots.length) return slots[index];
  const last = slots.at(-1);
  return last !== undefined && last.variadic !== 'no' ? last : undefined;
}

/** The signature of a node at a version of the standard domain; undefined for custom operators and unknown ones. */
export function opSchema(node: Pick<NodeProto, 'opType' | 'domain'>, opset: number): OpSchema | undefined {
  if (normalDomain(node.domain) !== '') return undefined;
  let found: OpSchema | undefined;
  for (const schema of schemasByName().get(node.opType ?? '') ?? []) {
    if (schema.sinceVersion <= opset) found = schema;
  }
  return found;
}

let parsed: Map<string, OpSchema[]> | undefined;

/** Versions of every operator, oldest first; parsed on first use. */
function schemasByName(): Map<string, OpSchema[]> {
  if (parsed === undefined) {
    parsed = new Map();
    for (const row of opSchemaRows) {
      const schema = parseRow(row);
      const versions = parsed.get(schema.opType);
      if (versions === undefined) parsed.set(schema.opType, [schema]);
      else versions.push(schema);
    }
  }
  return parsed;
}

function parseRow(row: string): OpSchema {
  const [opType = '', since = '1', inputs = '', outputs = '', variables = ''] = row.split('|');
  const floats = new Map<string, string>();
  const fixed = new Map<string, DType>();
  for (const word of words(variables)) {
    const [name = '', types = ''] = word.split(':');
    if (types.startsWith('=')) fixed.set(name, types.slice(1) as DType);
    else floats.set(name, types);
  }
  const parseSlot = (word: string): Slot => {
    const variadic = word.endsWith('**') ? 'anyTypes' : word.endsWith('*') ? 'oneType' : 'no';
    const type = word.replace(/\*+$/, '');
    if (type.startsWith('=')) return { variable: null, dtype: fixedType(type.slice(1)), variadic };
    const only = fixed.get(type);
    if (only !== undefined) return { variable: null, dtype: fixedType(only), variadic };
    return { variable: type, dtype: null, variadic };
  };
  return {
    opType,
    sinceVersion: Number(since),
    inputs: words(inputs).map(parseSlot),
    outputs: words(outputs).map(parseSlot),
    variables: floats,
  };
}

function fixedType(name: string): DType | null {
  return name === 'other' ? null : (name as DType);
}

function words(text: string): string[] {
  return text === '' ? [] : text.split(' ');
}
