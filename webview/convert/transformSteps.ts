/** Preprocessing steps as the editor changes them: pure functions over a list; parameters are typed as text. */
import type { Transform } from '../../extension/contract/plan';
import { t } from '../common/l10n';
import { transformParameters, type TransformParameter } from './fieldSpec';
import { scalarText } from './scalarText';

/** What a parameter of a step shows. A size is one number, or height × width; several numbers have spaces between. */
export function parameterText(step: Transform, { name }: TransformParameter): string {
  const value = (step as Readonly<Record<string, unknown>>)[name];
  return Array.isArray(value) ? value.join(name === 'size' ? '×' : ' ') : scalarText(value);
}

export interface Typed {
  /** `undefined`: left out, the default holds. */
  readonly value: unknown;
  readonly fault: string | null;
}

const wrong = (fault: string): Typed => ({ value: undefined, fault });
const right = (value: unknown): Typed => ({ value, fault: null });

/** What was typed for a parameter. */
export function parseParameter(text: string, parameter: TransformParameter): Typed {
  const trimmed = text.trim();
  if (trimmed === '') return parameter.required ? wrong(t('A value is needed.')) : right(undefined);
  const parts = trimmed.split(/\s*[x×,;]\s*|\s+/);
  const numbers = parts.map((part) => (part === '' ? NaN : Number(part)));
  const finite = numbers.every(Number.isFinite);
  switch (parameter.kind) {
    case 'size':
      return parseSize(numbers, parameter.pair);
    case 'numbers':
      return finite
        ? right(numbers)
        : wrong(t('Numbers with spaces between are needed, one per channel or one for all.'));
    case 'integer': {
      const [value] = numbers;
      const isSize = numbers.length === 1 && Number.isInteger(value) && (value ?? 0) >= 1;
      return isSize ? right(value) : wrong(t('A whole number is needed.'));
    }
    case 'number':
      return numbers.length === 1 && finite ? right(numbers[0]) : wrong(t('A number is needed.'));
    case 'flag':
      return right(trimmed === 'true');
    case 'choice':
      return right(/^\d+$/.test(trimmed) ? Number(trimmed) : trimmed);
  }
}

function parseSize(numbers: readonly number[], pair: boolean): Typed {
  const sizes = numbers.every((size) => Number.isInteger(size) && size >= 1);
  if (sizes && numbers.length === 2) return right([...numbers]);
  if (sizes && numbers.length === 1 && !pair) return right(numbers[0]);
  return wrong(pair ? t('Height × width are needed.') : t('The shorter side, or height × width.'));
}

/** The step with one parameter replaced; `undefined` leaves it to its default. */
export function withParameter(step: Transform, name: string, value: unknown): Transform {
  const { [name]: _, ...others } = step as Record<string, unknown>;
  return (value === undefined ? others : { ...step, [name]: value }) as Transform;
}

const firstValues: Readonly<Record<TransformParameter['kind'], unknown>> = {
  size: [224, 224],
  integer: 32,
  number: 1,
  numbers: [0.5],
  flag: true,
  choice: '',
};

/** A new step with values that make it valid. */
export function newStep(op: string): Transform {
  const required = transformParameters(op).filter((parameter) => parameter.required);
  const values = required.map(({ name, kind, choices }) => [
    name,
    kind === 'choice' ? choices[0] : name === 'mean' ? [0] : name === 'std' ? [1] : firstValues[kind],
  ]);
  return { op, ...Object.fromEntries(values) } as Transform;
}

export function moved<T>(list: readonly T[], from: number, to: number): T[] {
  const item = list[from];
  if (item === undefined || to < 0 || to >= list.length) return [...list];
  const others = list.filter((_, index) => index !== from);
  return [...others.slice(0, to), item, ...others.slice(to)];
}
