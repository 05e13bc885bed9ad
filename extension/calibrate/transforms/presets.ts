/**
 * Turns the plan's `preprocess` (a preset name, a file, or the steps themselves) into checked steps.
 *
 * Runs once per conversion, before `openDataset`, which applies the steps to every picture.
 */
import { readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { parse, printParseErrorCode, type ParseError } from 'jsonc-parser';
import { CodedError } from '../../contract/errors';
import { nearestName } from '../../contract/nearestName';
import { transformSchema, type Transform } from '../../contract/plan';
import { schemaFault } from '../../contract/schemaFault';
import type { ValueSpec } from '../../contract/tensor';
import { findImageInput } from './imageInput';
import { presetAliases, presets } from './knownPresets';

const operations = transformSchema.anyOf.map((schema) => schema.properties.op.const);
const presetNames = Object.keys(presets);

function invalid(reason: string, fix: string, place?: { file?: string; field?: string }): CodedError {
  return new CodedError({ code: 'PREPROCESS_INVALID', reason, fix, ...(place === undefined ? {} : { place }) });
}

/** "Did you mean …?" in front of the list of what exists. */
function suggestion(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known);
  return `${nearest === null ? '' : `Did you mean "${nearest}"? `}Known: ${known.join(', ')}.`;
}

function checkStep(step: unknown, number: number, file: string | undefined): Transform {
  const where = `Preprocessing step ${number}${file === undefined ? '' : ` of ${file}`}`;
  const place = (field: string) => ({ field, ...(file === undefined ? {} : { file }) });
  if (typeof step !== 'object' || step === null || Array.isArray(step) || typeof (step as Transform).op !== 'string') {
    throw invalid(`${where} is not an object with an "op".`, 'Write it as {"op": "resize", "size": 256}.', place('op'));
  }
  const { op } = step as Transform;
  const schema = transformSchema.anyOf.find(({ properties }) => properties.op.const === op);
  if (schema === undefined) {
    throw invalid(`${where} has the unknown op "${op}".`, suggestion(op, operations), place('op'));
  }
  const fields = Object.keys(schema.properties);
  const unknown = Object.keys(step).find((key) => !fields.includes(key));
  if (unknown !== undefined) {
    throw invalid(`${where} (${op}) has the unknown field "${unknown}".`, suggestion(unknown, fields), place(unknown));
  }
  const fault = schemaFault(schema, step);
  if (fault !== null) {
    const field = fault.path[0] ?? 'op';
    const given = (step as Record<string, unknown>)[field];
    const found = given === undefined ? 'is missing' : `is ${JSON.stringify(given)}`;
    throw invalid(
      `${where} (${op}): the field "${field}" ${found} (${fault.message}).`,
      `Give "${field}" a value that "${op}" takes.`,
      place(field),
    );
  }
  return step as Transform;
}

/** Steps on float values make no sense on 8-bit pictures, and converting twice is a slip. */
function checkOrder(steps: readonly Transform[], file: string | undefined): void {
  const place = file === undefined ? undefined : { file };
  const converted = steps.findIndex(({ op }) => op === 'toTensor');
  const early = steps.find(
    ({ op }, at) => ['normalize', 'scale', 'nhwc'].includes(op) && (converted === -1 || at < converted),
  );
  if (early !== undefined) {
    throw invalid(`The step ${early.op} has no toTensor before it.`, 'Put {"op": "toTensor"} before it.', place);
  }
  if (steps.filter(({ op }) => op === 'toTensor').length > 1) {
    throw invalid('The step toTensor is there twice.', 'Keep one of them.', place);
  }
}

function checkSteps(steps: readonly unknown[], file?: string): Transform[] {
  const checked = steps.map((step, at) => checkStep(step, at + 1, file));
  checkOrder(checked, file);
  return checked;
}

function presetSteps(name: string, inputs: readonly ValueSpec[]): Transform[] | null {
  const preset = presets[presetAliases[name] ?? name];
  if (preset === undefined) return null;
  const input = findImageInput(inputs);
  const steps = preset.steps(input);
  const spec = inputs.find((candidate) => candidate.name === input?.name);
  const integers = spec !== undefined && /^u?int/.test(spec.dtype);
  const adapted = integers
    ? steps.map((step): Transform => (step.op === 'toTensor' ? { op: 'toTensor', scale: 1 } : step))
    : steps;
  return input?.layout === 'nhwc' ? [...adapted, { op: 'nhwc' }] : adapted;
}

function readSteps(file: string, inputs: readonly ValueSpec[]): Transform[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw invalid(`The preprocessing file ${file} cannot be read: ${(error as Error).message}.`, 'Check the path.', {
      file,
    });
  }
  const errors: ParseError[] = [];
  const content: unknown = parse(text, errors, { allowTrailingComma: true });
  const first = errors[0];
  if (first !== undefined) {
    const line = text.slice(0, first.offset).split('\n').length;
    const what = printParseErrorCode(first.error);
    throw invalid(`${file} is not valid JSON: ${what} in line ${line}.`, 'Correct the line.', { file });
  }
  if (Array.isArray(content)) return checkSteps(content, file);
  if (typeof content === 'object' && content !== null) {
    const { preset, steps } = content as { preset?: unknown; steps?: unknown };
    if (Array.isArray(steps)) return checkSteps(steps, file);
    if (typeof preset === 'string') return presetOrThrow(preset, inputs, file);
  }
  throw invalid(
    `${file} holds neither a list of steps nor {"preset": NAME} nor {"steps": [...]}.`,
    'Write a JSON array of steps such as [{"op": "toTensor"}].',
    { file },
  );
}

function presetOrThrow(name: string, inputs: readonly ValueSpec[], file?: string): Transform[] {
  const steps = presetSteps(name, inputs);
  if (steps !== null) return steps;
  throw invalid(
    `There is no preprocessing preset "${name}".`,
    `${suggestion(name, presetNames)} Or give a JSON file with steps.`,
    file === undefined ? { field: 'preprocess' } : { file, field: 'preset' },
  );
}

/**
 * @param preprocess a preset's name, the path of a JSON file (comments allowed), or steps
 * @param baseDir folder that a relative path starts from
 * @param inputs the model's inputs: presets take size and layout from them
 * @throws CodedError PREPROCESS_INVALID naming the step, the field and the nearest known name
 */
export function resolvePreprocess(
  preprocess: string | readonly Transform[],
  baseDir: string,
  inputs: readonly ValueSpec[],
): Transform[] {
  if (typeof preprocess !== 'string') return checkSteps(preprocess);
  const isFile = /\.jsonc?$/i.test(preprocess) || /[\\/]/.test(preprocess);
  if (!isFile) return presetOrThrow(preprocess, inputs);
  return readSteps(isAbsolute(preprocess) ? preprocess : join(baseDir, preprocess), inputs);
}
