/**
 * The form's state: the plan itself, and beside it what the user typed that the plan cannot take.
 *
 * Pure functions from form to form. A valid entry changes the plan; an invalid one leaves the plan as it was and is kept as
 * a draft with its message, so that nothing typed disappears. The page renders the form and sends the plan to the host.
 */
import type { Plan, ShapeProfile, Transform, VariantName } from '../../extension/contract/plan';
import type { ModelCard } from '../../extension/contract/report';
import { t } from '../common/l10n';
import { faultOf, fieldSpec, pointerKeys, pointerOf } from './fieldSpec';
import { scalarText } from './scalarText';

export interface Draft {
  readonly text: string;
  /** Why it cannot stand in the plan. */
  readonly message: string;
}

export interface PlanForm {
  readonly plan: Plan;
  /** By JSON pointer. */
  readonly drafts: Readonly<Record<string, Draft>>;
}

export function formOf(plan: Plan): PlanForm {
  return { plan, drafts: {} };
}

/** Nothing typed is waiting for correction. */
export function isComplete(form: PlanForm): boolean {
  return Object.keys(form.drafts).length === 0;
}

export function valueAt(plan: Plan, pointer: string): unknown {
  return pointerKeys(pointer).reduce<unknown>((at, key) => (at as Record<string, unknown> | null)?.[key], plan);
}

/** A copy with one value replaced; `undefined` removes the key. Parents exist or are objects to be made. */
function withValue(at: unknown, keys: readonly string[], value: unknown): unknown {
  const [key, ...rest] = keys;
  if (key === undefined) return value;
  if (Array.isArray(at))
    return at.map((item: unknown, index) => (String(index) === key ? withValue(item, rest, value) : item));
  const parent = (at ?? {}) as Readonly<Record<string, unknown>>;
  const replaced = withValue(parent[key], rest, value);
  // An existing key keeps its place, so that the saved file differs in one line.
  if (replaced !== undefined) return { ...parent, [key]: replaced };
  return Object.fromEntries(Object.entries(parent).filter(([name]) => name !== key));
}

/** Sets a value that is known to be right (a choice, a flag, a list edited as a whole). */
export function setValue(form: PlanForm, pointer: string, value: unknown): PlanForm {
  return {
    plan: withValue(form.plan, pointerKeys(pointer), value) as Plan,
    drafts: withoutDrafts(form.drafts, pointer),
  };
}

/** The draft of a field goes with those of everything inside it. */
function withoutDrafts(drafts: PlanForm['drafts'], pointer: string): PlanForm['drafts'] {
  return Object.fromEntries(
    Object.entries(drafts).filter(([field]) => field !== pointer && !field.startsWith(`${pointer}/`)),
  );
}

export function keepDraft(form: PlanForm, pointer: string, text: string, message: string): PlanForm {
  return { plan: form.plan, drafts: { ...form.drafts, [pointer]: { text, message } } };
}

/** What was typed into a field: into the plan when it can stand there, else kept as a draft. */
export function typeInto(form: PlanForm, pointer: string, text: string): PlanForm {
  const spec = fieldSpec(pointer);
  const trimmed = text.trim();
  const numeric = spec.kind === 'integer' || spec.kind === 'number';
  const value = trimmed === '' ? (numeric || spec.nullable ? null : '') : numeric ? Number(trimmed) : trimmed;
  const fault = faultOf(spec, value);
  return fault === null ? setValue(form, pointer, value) : keepDraft(form, pointer, text, fault);
}

/** What the field shows: the draft if there is one, else the plan's value. */
export function textAt(form: PlanForm, pointer: string): string {
  const draft = form.drafts[pointer];
  if (draft !== undefined) return draft.text;
  return scalarText(valueAt(form.plan, pointer));
}

/** A plan from outside (the file was edited); drafts of another text would lie. */
export function replacePlan(form: PlanForm, plan: Plan): PlanForm {
  return JSON.stringify(plan) === JSON.stringify(form.plan) ? form : formOf(plan);
}

/** fp32 is the baseline and stays; the others keep the order of the contract. */
export function toggleVariant(
  form: PlanForm,
  variant: VariantName,
  on: boolean,
  order: readonly VariantName[],
): PlanForm {
  const isChosen = (name: VariantName): boolean => (name === variant ? on : form.plan.precisions.includes(name));
  return setValue(
    form,
    '/precisions',
    order.filter((name) => name === 'fp32' || isChosen(name)),
  );
}

/** An architecture such as `sm_89`, or a device by its name; added or taken away. */
export function toggleTarget(form: PlanForm, target: string, on: boolean): PlanForm {
  const others = form.plan.targets.filter((name) => name !== target);
  return setValue(form, '/targets', on ? [...others, target] : others);
}

export function addTarget(form: PlanForm, text: string): PlanForm {
  const target = text.trim();
  const fault = faultOf(fieldSpec('/targets/*'), target);
  return fault === null ? toggleTarget(form, target, true) : keepDraft(form, '/targets', text, fault);
}

/** Null: as the model declares it. */
export function setBinding(form: PlanForm, name: string, dtype: string | null): PlanForm {
  return setValue(form, pointerOf('bindings', name), dtype ?? undefined);
}

/** Keeps a node (or a glob, or `OP:Type`) in a precision; null takes the entry away. */
export function keepNode(form: PlanForm, match: string, precision: string | null): PlanForm {
  const { keep } = form.plan;
  const at = keep.findIndex((entry) => entry.match === match);
  if (precision === null)
    return setValue(
      form,
      '/keep',
      keep.filter((entry) => entry.match !== match),
    );
  const entry = { match, precision };
  return setValue(form, '/keep', at < 0 ? [...keep, entry] : keep.map((old, index) => (index === at ? entry : old)));
}

/** `1x3x224x224` (also with `×`, spaces or commas) as sizes; null when it is none. */
export function parseShape(text: string): number[] | null {
  const parts = text.trim().split(/\s*[x×,]\s*|\s+/);
  const sizes = parts.map(Number);
  return parts.every((part) => /^\d+$/.test(part)) ? sizes : null;
}

export function shapeText(sizes: readonly (number | string | null)[] | undefined): string {
  return sizes?.map((size) => size ?? '?').join('×') ?? '';
}

export const shapeBounds = ['min', 'opt', 'max'] as const;
export type ShapeBound = (typeof shapeBounds)[number];

/** Where profiles of inputs stand: `/shapes`, `/shapeValues`, or one of `/profiles/0` …. */
export type ProfileSet = '/shapes' | '/shapeValues' | `/profiles/${number}`;

/**
 * One bound of an input's profile. All three are needed and ordered; until they are, what was typed stays as drafts and the
 * plan keeps the profile that it had. All three empty: no profile.
 * @param count how many numbers a bound has, null where the model does not say
 */
export function typeProfile(
  form: PlanForm,
  set: ProfileSet,
  input: string,
  bound: ShapeBound,
  text: string,
  count: number | null,
): PlanForm {
  const texts = { ...profileTexts(form, set, input), [bound]: text };
  const pointer = `${set}${pointerOf(input)}`;
  if (shapeBounds.every((name) => texts[name].trim() === '')) return setValue(form, pointer, undefined);
  const faults = profileFaults(texts, count);
  if (shapeBounds.every((name) => faults[name] === null)) {
    const [min, opt, max] = shapeBounds.map((name) => parseShape(texts[name]) ?? []);
    return setValue(form, pointer, { min, opt, max });
  }
  const drafts = Object.fromEntries(
    shapeBounds.map((name) => [`${pointer}/${name}`, { text: texts[name], message: faults[name] ?? '' }]),
  );
  return { plan: form.plan, drafts: { ...form.drafts, ...drafts } };
}

/** What the three fields of an input show. */
export function profileTexts(form: PlanForm, set: ProfileSet, input: string): Record<ShapeBound, string> {
  const pointer = `${set}${pointerOf(input)}`;
  const profile = valueAt(form.plan, pointer) as ShapeProfile | undefined;
  const text = (bound: ShapeBound): string => form.drafts[`${pointer}/${bound}`]?.text ?? shapeText(profile?.[bound]);
  return { min: text('min'), opt: text('opt'), max: text('max') };
}

function profileFaults(texts: Record<ShapeBound, string>, count: number | null): Record<ShapeBound, string | null> {
  const shapes = { min: parseShape(texts.min), opt: parseShape(texts.opt), max: parseShape(texts.max) };
  const fault = (bound: ShapeBound): string | null => {
    const shape = shapes[bound];
    if (texts[bound].trim() === '') return t('Needed, as 1x3x224x224.');
    if (shape === null) return t('Whole numbers with x between them are needed.');
    if (count !== null && shape.length !== count) return t('{0} numbers are needed.', count);
    const lower = bound === 'opt' ? shapes.min : bound === 'max' ? shapes.opt : null;
    if (lower === null) return null;
    if (lower.length !== shape.length) return t('As many numbers as in front of it are needed.');
    if (shape.every((size, i) => size >= (lower[i] ?? 0))) return null;
    return bound === 'opt' ? t('Smaller than min in an axis.') : t('Smaller than opt in an axis.');
  };
  return { min: fault('min'), opt: fault('opt'), max: fault('max') };
}

/** Memory layouts as typed, `linear, chw4`; empty: TensorRT's default. */
export function typeFormats(form: PlanForm, name: string, text: string): PlanForm {
  const pointer = pointerOf('formats', name);
  const words = text.split(/[\s,]+/).filter((word) => word !== '');
  if (words.length === 0) return setValue(form, pointer, undefined);
  const { choices } = fieldSpec('/formats/*/*');
  const unknown = words.find((word) => !choices.includes(word));
  if (unknown === undefined) return setValue(form, pointer, words);
  return keepDraft(form, pointer, text, t('“{0}” is none of {1}.', unknown, choices.join(', ')));
}

/** A profile from the sizes that the data has: the same for all three bounds, for inputs with an open axis only. */
export function shapesFromData(
  form: PlanForm,
  inputs: ModelCard['inputs'],
  dims: Readonly<Record<string, readonly number[]>>,
): PlanForm {
  return inputs.reduce((filled, { name, shape }) => {
    const sizes = dims[name];
    const isOpen = shape === null || shape.some((size) => typeof size !== 'number');
    if (sizes === undefined || !isOpen) return filled;
    const profile = { min: withFirst(sizes, shape, 1), opt: [...sizes], max: [...sizes] };
    return setValue(filled, pointerOf('shapes', name), profile);
  }, form);
}

/** An open first axis is the batch: a profile that starts at one sample serves every smaller batch, too. */
function withFirst(
  sizes: readonly number[],
  shape: readonly (number | string | null)[] | null,
  first: number,
): number[] {
  const isBatch = shape !== null && typeof shape[0] !== 'number' && sizes.length > 0;
  return isBatch ? [Math.min(first, sizes[0] ?? first), ...sizes.slice(1)] : [...sizes];
}

/** Steps of one's own in place of a preset or a file. */
export function setSteps(form: PlanForm, steps: readonly Transform[]): PlanForm {
  return setValue(form, '/preprocess', [...steps]);
}
