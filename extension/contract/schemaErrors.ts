/**
 * A schema violation in the words of someone who edits the file: which key, what is wrong with it, what was meant.
 *
 * ajv reports a value that fits no branch of a union once per branch. A reader wants the one branch they were writing:
 * the branch with the same `op`, or else the branch of the same JSON type. Used by `checkSchema.ts` only.
 */
import type { ErrorObject } from 'ajv';
import { nearestName } from './nearestName';

export interface Violation {
  /** Where in the file, as `calibration.samples` or `preprocess[0].op`; empty for the whole file. */
  readonly field: string;
  /** The same as a JSON pointer; of an unknown key, the key itself. */
  readonly pointer: string;
  /** A clause without a full stop. */
  readonly text: string;
}

/** @param errors of one validation with `allErrors` and `verbose` */
export function violations(errors: readonly ErrorObject[]): Violation[] {
  return withoutOtherBranches(errors).map((error) => {
    const field = fieldName(error.instancePath);
    return { field, pointer: pointerOf(error), text: describe(error, field === '' ? 'the file' : field) };
  });
}

function pointerOf({ instancePath, keyword, params }: ErrorObject): string {
  if (keyword !== 'additionalProperties') return instancePath;
  const key = String((params as Record<string, unknown>)['additionalProperty']);
  return `${instancePath}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

function describe(error: ErrorObject, where: string): string {
  const params = error.params as Record<string, unknown>;
  const got = shown(error.data);
  switch (error.keyword) {
    case 'additionalProperties': {
      const key = String(params['additionalProperty']);
      const known = Object.keys((error.parentSchema?.['properties'] ?? {}) as object);
      return `unknown key "${key}"${where === 'the file' ? '' : ` in ${where}`}${meant(key, known)}`;
    }
    case 'required':
      return `${where} lacks "${String(params['missingProperty'])}"`;
    case 'type':
      return `${where} must be ${withArticle(String(params['type']))}, not ${got}`;
    case 'enum': {
      const allowed = (params['allowedValues'] as unknown[]).map(String);
      return `${where} must be one of ${allowed.join(', ')}, not ${got}${meant(error.data, allowed)}`;
    }
    case 'const':
      return `${where} must be ${shown(params['allowedValue'])}, not ${got}`;
    case 'anyOf': {
      const ops = unionOps(error);
      if (ops.length === 0) return `${where} has a value of the wrong kind: ${got}`;
      const op = (error.data as { op?: unknown } | null)?.op;
      return `${where} must have an "op" that is one of ${ops.join(', ')}, not ${shown(op)}${meant(op, ops)}`;
    }
    default:
      return `${where} ${error.message ?? 'is not valid'}, not ${got}`;
  }
}

/**
 * Drops the errors of union branches that the writer did not mean. Where one branch is the meant one its errors stay and
 * the union's own goes; where none is, only the union's own stays.
 */
function withoutOtherBranches(errors: readonly ErrorObject[]): ErrorObject[] {
  let kept = [...errors];
  // Outermost first: the branches of an inner union are judged only if they are still there.
  const unions = errors
    .filter(({ keyword }) => keyword === 'anyOf')
    .sort((a, b) => a.schemaPath.length - b.schemaPath.length);
  for (const union of unions) {
    if (!kept.includes(union)) continue;
    const inUnion = (error: ErrorObject) =>
      error.schemaPath.startsWith(`${union.schemaPath}/`) && error.instancePath.startsWith(union.instancePath);
    const branch = meantBranch(union);
    const prefix = branch === null ? null : `${union.schemaPath}/${branch}/`;
    kept = kept.filter((error) => !inUnion(error) || (prefix !== null && error.schemaPath.startsWith(prefix)));
    if (prefix !== null && kept.some(inUnion)) kept = kept.filter((error) => error !== union);
  }
  return kept;
}

type Branch = Readonly<Record<string, unknown>>;

/** The branch of a union that the value was written for, or null. */
function meantBranch(union: ErrorObject): number | null {
  const branches = (union.schema ?? []) as readonly Branch[];
  const op = (union.data as { op?: unknown } | null)?.op;
  const byOp = branches.findIndex((branch) => op !== undefined && branchOp(branch) === op);
  if (byOp >= 0) return byOp;
  if (branches.some((branch) => branchOp(branch) !== undefined)) return null;
  // A nullable value that is neither null nor right was meant to be the value.
  const valued = branches.flatMap((branch, index) => (branch['type'] === 'null' ? [] : [index]));
  if (valued.length === 1) return valued[0] ?? null;
  const byType = branches.findIndex((branch) => branch['type'] === jsonType(union.data));
  return byType < 0 ? null : byType;
}

function unionOps(error: ErrorObject): string[] {
  const branches = Array.isArray(error.schema) ? (error.schema as readonly Branch[]) : [];
  return branches.map(branchOp).filter((op) => op !== undefined);
}

function branchOp(branch: Branch): string | undefined {
  const op = (branch['properties'] as Record<string, { const?: string }> | undefined)?.['op'];
  return op?.const;
}

function jsonType(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return value === null ? 'null' : typeof value;
}

/** `/keep/0/match` → `keep[0].match` */
function fieldName(pointer: string): string {
  const parts = pointer.split('/').slice(1);
  const names = parts.map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  return names.reduce((path, name) => {
    if (/^\d+$/.test(name)) return `${path}[${name}]`;
    return path === '' ? name : `${path}.${name}`;
  }, '');
}

function meant(value: unknown, known: readonly string[]): string {
  const near = typeof value === 'string' ? nearestName(value, known) : null;
  return near === null ? '' : ` (did you mean "${near}"?)`;
}

function withArticle(type: string): string {
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`;
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length <= 60 ? text : `${text.slice(0, 57)}…`;
}
