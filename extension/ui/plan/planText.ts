/**
 * A plan as the text of its file, and back: how the convert panel and the editor stay in step. Edits touch only what
 * differs, so comments, order and formatting of the user stay as they are. Pure.
 */
import { isDeepStrictEqual } from 'node:util';
import {
  applyEdits,
  findNodeAtLocation,
  modify,
  parse,
  parseTree,
  type EditResult,
  type JSONPath,
  type ParseError,
} from 'jsonc-parser';
import { checkPlan, completePlan } from '../../contract/checkSchema';
import type { Plan } from '../../contract/plan';

export const planSuffix = '.trtplan.json';

const formattingOptions = { insertSpaces: true, tabSize: 2, eol: '\n' };

/**
 * The file's text with the values of `plan`. What equals a default and is not written in the file stays unwritten.
 *
 * @returns null when the text is no JSON object, which an edit could not mend
 */
export function editPlanText(text: string, plan: Plan): string | null {
  const written = parseObject(text);
  if (written === null) return null;
  const defaults = completePlan({ model: plan.model });
  let result = text;
  for (const { path, value } of differences(written, plan, defaults, [])) {
    result = applyEdits(result, editOf(result, path, value));
  }
  return result;
}

/** Lists of words and numbers stay in a line: that is how people write them, and what is committed changes least. */
function editOf(text: string, path: JSONPath, value: unknown): EditResult {
  const isPlain = Array.isArray(value) && value.every((item) => typeof item !== 'object');
  const root = isPlain ? parseTree(text, undefined, { allowTrailingComma: true }) : undefined;
  const node = root === undefined ? undefined : findNodeAtLocation(root, path);
  if (node === undefined) return modify(text, path, value, { formattingOptions });
  const content = `[${(value as unknown[]).map((item) => JSON.stringify(item)).join(', ')}]`;
  return [{ offset: node.offset, length: node.length, content }];
}

/** A new file: what says something, and the precisions in any case. */
export function newPlanText(plan: Plan): string {
  const { $schema: _, ...rest } = plan;
  const defaults = completePlan({ model: plan.model });
  const sparse = withoutDefaults(rest, { ...defaults, schemaVersion: null, model: null, precisions: null });
  return `${JSON.stringify(sparse, null, 2)}\n`;
}

/** @throws CodedError PLAN_INVALID */
export function readPlanText(text: string, file: string): Plan {
  return checkPlan(parseObject(text) ?? text, file);
}

/** The values as written; null when the text is no JSON object. Comments and trailing commas are allowed. */
export function parseObject(text: string): Record<string, unknown> | null {
  const errors: ParseError[] = [];
  const value: unknown = parse(text, errors, { allowTrailingComma: true });
  return errors.length === 0 && isObject(value) ? value : null;
}

interface Difference {
  readonly path: JSONPath;
  /** Undefined removes the key. */
  readonly value: unknown;
}

/** What has to be written or removed so that `written`, completed with `defaults`, says `wanted`. */
function differences(written: unknown, wanted: unknown, defaults: unknown, path: JSONPath): Difference[] {
  if (written === undefined && isDeepStrictEqual(wanted, defaults)) return [];
  if (isDeepStrictEqual(written, wanted)) return [];
  if (!isObject(written) || !isObject(wanted)) {
    // A section that is not there yet is written without what is as usual.
    return [{ path, value: isObject(wanted) && isObject(defaults) ? withoutDefaults(wanted, defaults) : wanted }];
  }
  const keys = new Set([...Object.keys(written), ...Object.keys(wanted)]);
  // A note to editors, which forms know nothing of.
  keys.delete('$schema');
  const fallback = isObject(defaults) ? defaults : {};
  return [...keys].flatMap((key) => differences(written[key], wanted[key], fallback[key], [...path, key]));
}

function withoutDefaults(value: Record<string, unknown>, defaults: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, own]) => {
      const usual = defaults[key];
      if (isDeepStrictEqual(own, usual)) return [];
      return [[key, isObject(own) && isObject(usual) ? withoutDefaults(own, usual) : own]];
    }),
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Do two plans say the same? The note to editors says nothing. */
export function samePlan(a: Plan, b: Plan): boolean {
  const { $schema: _a, ...left } = a;
  const { $schema: _b, ...right } = b;
  return isDeepStrictEqual(left, right);
}

/** The part of a text that changes between two versions: what an editor should replace so that cursors stay. */
export function changedRange(before: string, after: string): { start: number; end: number; text: string } {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  let tail = 0;
  const longest = Math.min(before.length, after.length) - start;
  while (tail < longest && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++;
  return { start, end: before.length - tail, text: after.slice(start, after.length - tail) };
}
