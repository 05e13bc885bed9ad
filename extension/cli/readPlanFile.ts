/** Reads a plan file as it was written, comments and trailing commas allowed; `resolvePlan.ts` completes and checks it. */
import { readFileSync } from 'node:fs';
import { parse as parseJsonc, printParseErrorCode, type ParseError } from 'jsonc-parser';
import { CodedError } from '../contract/errors';

/** A plan that is not complete or not checked yet. */
export type PlanDraft = Record<string, unknown>;

/** @throws CodedError PLAN_INVALID */
export function readPlanFile(file: string): PlanDraft {
  const invalid = (reason: string) =>
    new CodedError({
      code: 'PLAN_INVALID',
      reason,
      fix: 'Give a plan written by Precision Bench or see schemas/trtplan.schema.json.',
      place: { file },
    });
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw invalid(`The plan ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  const errors: ParseError[] = [];
  const parsed: unknown = parseJsonc(text, errors, { allowTrailingComma: true });
  const first = errors[0];
  if (first !== undefined) {
    const line = text.slice(0, first.offset).split('\n').length;
    throw invalid(`The plan ${file} is not JSON: ${printParseErrorCode(first.error)} in line ${line}.`);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw invalid(`The plan ${file} is not a JSON object.`);
  }
  return parsed as PlanDraft;
}
