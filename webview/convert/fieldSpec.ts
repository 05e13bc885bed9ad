/**
 * What a field of the plan accepts, read from the plan's schema: the form has no rules of its own.
 *
 * Comes before `planForm.ts`, which checks what is typed, and before the controls, which choose their kind by it. A field is
 * named by its JSON pointer, as in messages about the plan file.
 */
import { planSchema, transformSchema } from '../../extension/contract/plan';
import { t } from '../common/l10n';

export interface FieldSpec {
  readonly kind: 'integer' | 'number' | 'text' | 'flag' | 'choice';
  readonly nullable: boolean;
  readonly choices: readonly string[];
  readonly minimum: number | null;
  readonly exclusiveMinimum: number | null;
  readonly maximum: number | null;
  readonly multipleOf: number | null;
  readonly minLength: number;
  readonly pattern: string | null;
  readonly defaultValue: unknown;
}

/** The keywords of JSON schema that plan and transforms use. */
interface Schema {
  readonly type?: string;
  readonly enum?: readonly (string | null)[];
  readonly const?: string | number;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema | readonly Schema[];
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly multipleOf?: number;
  readonly minLength?: number;
  readonly pattern?: string;
  readonly default?: unknown;
}

const root: Schema = planSchema;

/** The keys of a JSON pointer; `~1` is a slash (`/bindings/layer~1input`). */
export function pointerKeys(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
}

export function pointerOf(...keys: readonly (string | number)[]): string {
  return keys.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

const withoutNull = (schema: Schema): readonly Schema[] =>
  (schema.anyOf ?? [schema]).filter(({ type }) => type !== 'null');

/** What the elements of a list or of a record are. */
function elementOf({ items, patternProperties }: Schema): Schema | undefined {
  return Object.values(patternProperties ?? {})[0] ?? (isTuple(items) ? items[0] : items);
}

function isTuple(items: Schema['items']): items is readonly Schema[] {
  return Array.isArray(items);
}

function child(schema: Schema, key: string): Schema | undefined {
  for (const branch of withoutNull(schema)) {
    const found = branch.properties?.[key] ?? elementOf(branch);
    if (found !== undefined) return found;
  }
  return undefined;
}

function specOf(schema: Schema): FieldSpec | null {
  const [valued, ...others] = withoutNull(schema);
  if (valued === undefined || others.length > 0) return null;
  const kind = kindOf(valued);
  if (kind === null) return null;
  return {
    kind,
    nullable: schema.anyOf?.some(({ type }) => type === 'null') === true || valued.enum?.includes(null) === true,
    choices: textsOf(valued.enum),
    minimum: valued.minimum ?? null,
    exclusiveMinimum: valued.exclusiveMinimum ?? null,
    maximum: valued.maximum ?? null,
    multipleOf: valued.multipleOf ?? null,
    minLength: valued.minLength ?? 0,
    pattern: valued.pattern ?? null,
    defaultValue: schema.default ?? valued.default ?? null,
  };
}

function textsOf(values: Schema['enum']): string[] {
  return (values ?? []).filter((value) => value !== null);
}

function kindOf({ type, enum: values }: Schema): FieldSpec['kind'] | null {
  if (values !== undefined) return 'choice';
  switch (type) {
    case 'integer':
    case 'number':
      return type;
    case 'string':
      return 'text';
    case 'boolean':
      return 'flag';
    default:
      return null;
  }
}

/** @throws when the plan has no such single value: a mistake in the form's code */
export function fieldSpec(pointer: string): FieldSpec {
  const schema = pointerKeys(pointer).reduce<Schema | undefined>((at, key) => at && child(at, key), root);
  const spec = schema === undefined ? null : specOf(schema);
  if (spec === null) throw new Error(`The plan has no single value at ${pointer}.`);
  return spec;
}

/**
 * Everything a plan can say, as pointers to single values; `*` stands for the keys or indices that the user chooses.
 * The tests of the form hold its controls against this list.
 */
export function planFields(): string[] {
  const walk = (schema: Schema, at: string): string[] => {
    const branches = withoutNull(schema);
    return branches.flatMap((branch) => {
      const { properties } = branch;
      if (properties !== undefined) {
        return Object.entries(properties).flatMap(([key, value]) => walk(value, `${at}/${key}`));
      }
      const element = elementOf(branch);
      return element === undefined ? [at] : walk(element, `${at}/*`);
    });
  };
  const notEdited = new Set(['/$schema', '/schemaVersion']);
  return [...new Set(walk(root, ''))].filter((field) => !notEdited.has(field));
}

/** What is wrong with a typed value, as a sentence for the field; null when it can stand. */
export function faultOf(spec: FieldSpec, value: string | number | boolean | null): string | null {
  if (value === null) return spec.nullable ? null : t('A value is needed.');
  if (spec.kind === 'integer' || spec.kind === 'number') return numberFault(spec, Number(value));
  if (String(value).length < spec.minLength) return t('A value is needed.');
  if (spec.pattern !== null && !new RegExp(spec.pattern).test(String(value)))
    return t('This is not in the right form.');
  return null;
}

function numberFault(spec: FieldSpec, value: number): string | null {
  if (!Number.isFinite(value)) return t('A number is needed.');
  if (spec.kind === 'integer' && !Number.isInteger(value)) return t('A whole number is needed.');
  const { minimum, exclusiveMinimum, maximum, multipleOf } = spec;
  if (multipleOf !== null && value % multipleOf !== 0) return t('A multiple of {0}.', multipleOf);
  const tooSmall = (minimum !== null && value < minimum) || (exclusiveMinimum !== null && value <= exclusiveMinimum);
  if (!tooSmall && (maximum === null || value <= maximum)) return null;
  if (exclusiveMinimum !== null && maximum !== null) {
    return t('Above {0} and at most {1}.', exclusiveMinimum, maximum);
  }
  if (minimum !== null && maximum !== null) return t('From {0} to {1}.', minimum, maximum);
  return minimum === null ? t('At most {0}.', maximum ?? '') : t('At least {0}.', minimum);
}

/** A parameter of a transform. `size` is one number or height and width. */
export interface TransformParameter {
  readonly name: string;
  readonly kind: 'integer' | 'number' | 'numbers' | 'size' | 'flag' | 'choice';
  readonly required: boolean;
  /** `size`: both numbers are needed. */
  readonly pair: boolean;
  readonly choices: readonly string[];
  readonly defaultValue: unknown;
}

const transforms = new Map(
  (transformSchema as Schema).anyOf?.map((schema) => [String(schema.properties?.['op']?.const), schema] as const),
);

/** The steps that exist, in the order of the contract. */
export const transformOps: readonly string[] = [...transforms.keys()];

export function transformParameters(op: string): TransformParameter[] {
  const { properties = {}, required = [] } = transforms.get(op) ?? {};
  return Object.entries(properties).flatMap(([name, schema]) =>
    name === 'op' ? [] : [{ name, ...parameterKind(schema), required: required.includes(name) }],
  );
}

function parameterKind(schema: Schema): Omit<TransformParameter, 'name' | 'required'> {
  const defaultValue = schema.default ?? null;
  const common = { pair: false, choices: [], defaultValue };
  const branches = schema.anyOf ?? [schema];
  const constants = branches.flatMap((branch) => (branch.const === undefined ? [] : [String(branch.const)]));
  if (constants.length === branches.length) return { ...common, kind: 'choice', choices: constants };
  if (schema.enum !== undefined) return { ...common, kind: 'choice', choices: textsOf(schema.enum) };
  if (schema.type === 'boolean') return { ...common, kind: 'flag' };
  if (branches.some(({ type, items }) => type === 'array' && isTuple(items))) {
    return { ...common, kind: 'size', pair: branches.length === 1 };
  }
  if (schema.type === 'array') return { ...common, kind: 'numbers' };
  return { ...common, kind: schema.type === 'integer' ? 'integer' : 'number' };
}
