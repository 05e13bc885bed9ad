/**
 * Checks files that users edit or share against their schemas: parsed JSON in, a complete `Plan` or `Report` out.
 *
 * Comes after reading the file (command line, editor) and before everything else: the rest of the code trusts the types.
 */
import type { TSchema, Static } from '@sinclair/typebox';
import { Ajv, type ValidateFunction } from 'ajv';
import { CodedError, type ErrorCode } from './errors';
import { planSchema, type Plan } from './plan';
import { reportSchema, type Report } from './report';
import { violations, type Violation } from './schemaErrors';

/** More would be noise: mending the first often mends the rest. */
const shownViolations = 5;

/**
 * @param json the parsed file; not changed
 * @param file the name that messages use
 * @returns the plan with every default filled in
 * @throws CodedError PLAN_INVALID naming the field, and the nearest key for an unknown one
 */
export function checkPlan(json: unknown, file: string): Plan {
  return check(planChecker, json, file);
}

/** Every fault of a plan, with its place, for an editor that marks them all; empty when `checkPlan` would take it. */
export function planViolations(json: unknown): Violation[] {
  const validate = planChecker.validator();
  return validate(structuredClone(json)) ? [] : violations(validate.errors ?? []);
}

type Part<T> = T extends readonly unknown[] ? T : T extends object ? Partial<T> : T;
/** A plan of which only the model has to be given. */
export type PlanParts = { readonly [K in keyof Plan]?: Part<Plan[K]> } & { readonly model: string };

/** A plan made in code: what is not given has its default. @throws CodedError PLAN_INVALID */
export function completePlan(parts: PlanParts, origin = 'the command line'): Plan {
  return checkPlan({ schemaVersion: 1, ...parts }, origin);
}

/** As `checkPlan`, for a saved report. @throws CodedError REPORT_INVALID */
export function checkReport(json: unknown, file: string): Report {
  return check(reportChecker, json, file);
}

interface Checker<T> {
  readonly code: ErrorCode;
  readonly noun: 'plan' | 'report';
  readonly fix: string;
  /** Compiled on first use: compiling costs tens of milliseconds. */
  readonly validator: () => ValidateFunction<T>;
}

const planChecker = checker(planSchema, {
  code: 'PLAN_INVALID',
  noun: 'plan',
  fix: 'Correct the plan; its keys and values are described in schemas/trtplan.schema.json.',
});
const reportChecker = checker(reportSchema, {
  code: 'REPORT_INVALID',
  noun: 'report',
  fix: 'Give a report.json written by Precision Bench, or convert the model again.',
});

function checker<S extends TSchema>(schema: S, about: Omit<Checker<Static<S>>, 'validator'>): Checker<Static<S>> {
  let compiled: ValidateFunction<Static<S>> | null = null;
  return {
    ...about,
    validator: () => (compiled ??= new Ajv(ajvOptions).compile<Static<S>>(schema)),
  };
}

// Not strict: defaults inside a union's branches are documentation, which ajv's strict mode refuses. The schemas are ours,
// and held to JSON Schema's own by a test: doing that here would cost every start some fifty milliseconds.
const ajvOptions = {
  allErrors: true,
  verbose: true,
  useDefaults: true,
  strict: false,
  meta: false,
  validateSchema: false,
} as const;

function check<T>({ code, noun, fix, validator }: Checker<T>, json: unknown, file: string): T {
  const version = (json as { schemaVersion?: unknown } | null)?.schemaVersion;
  if (typeof version === 'number' && version > 1) {
    throw new CodedError({
      code,
      reason: `The ${noun} ${file} has schemaVersion ${version}; this version of Precision Bench reads 1.`,
      fix: 'Update Precision Bench.',
      place: { file, field: 'schemaVersion' },
    });
  }
  const validate = validator();
  const value: unknown = structuredClone(json);
  if (validate(value)) return value;
  const found = violations(validate.errors ?? []);
  const more = found.length > shownViolations ? `; and ${found.length - shownViolations} more` : '';
  const field = found[0]?.field ?? '';
  throw new CodedError({
    code,
    reason: `The ${noun} ${file} is not valid: ${found
      .slice(0, shownViolations)
      .map(({ text }) => text)
      .join('; ')}${more}.`,
    fix,
    place: { file, ...(field === '' ? {} : { field }) },
  });
}
