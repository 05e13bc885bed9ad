/**
 * Right, wrong and changed answers of a variant, counted batch by batch against labels and against fp32.
 *
 * Comes after `detectTask.ts`; `comparison.ts` feeds it. Conventions: the answer of a classifier is the first index of the
 * largest score; CTC texts are compared with their label after removing spaces, and with fp32's text as they are (the
 * convention of PaddleOCR's evaluation). An output with NaN gives no answer: it is wrong and agrees with nothing.
 */
import { CodedError } from '../contract/errors';
import type { TaskAccuracy } from '../contract/report';
import type { Tensor } from '../contract/tensor';
import { argmax, ctcBestPath } from './ctcDecoding';
import type { ClassificationTask, CtcTask, Label, Task } from './detectTask';
import { elementValues, type Elements } from './elementValues';
import { mcnemarExact, wilsonInterval } from './statistics';
import type { BatchLayout } from './tensorMetrics';

/** What a model says about one sample: a class, a text, or a path of classes. */
interface Answer {
  /** Equal keys mean equal answers; null is no answer at all. */
  readonly key: string | null;
  /** As shown in reports. */
  readonly text: string;
  readonly right: boolean | null;
  readonly inTop5: boolean | null;
}

/** The output holds NaN. */
const noAnswer = (labelled: boolean): Answer => {
  const right = labelled ? false : null;
  return { key: null, text: 'not a number', right, inTop5: right };
};

/** Is `label` among the five largest scores? Ties go to the lower index, as a stable descending sort would have it. */
function isInTop5(scores: Elements, start: number, classes: number, label: number): boolean {
  const own = scores[start + label] as number;
  let ahead = 0;
  for (let i = 0; i < classes; i++) {
    const score = scores[start + i] as number;
    if (score > own || (score === own && i < label)) ahead++;
  }
  return ahead < 5;
}

function classLabel(label: Label, id: string, classes: number | null): number | null {
  if (label === null) return null;
  if (typeof label === 'number' && Number.isInteger(label) && label >= 0 && (classes === null || label < classes)) {
    return label;
  }
  const known = classes === null ? 'class numbers' : `${classes} classes, 0 to ${classes - 1}`;
  throw new CodedError({
    code: 'DATA_LABELS_INVALID',
    reason: `The label ${JSON.stringify(label)} of sample "${id}" is no class of the model, which has ${known}.`,
    fix: 'Give labels as zero-based class numbers in the order of the model, with --labels FILE.',
    place: { field: 'labels' },
  });
}

function classificationAnswers(
  task: ClassificationTask,
  tensor: Tensor,
  layout: BatchLayout,
  labels: readonly (number | null)[],
  classNames: readonly string[] | null,
): Answer[] {
  const values = elementValues(tensor);
  if (values === null) return [];
  const length = values.length / layout.rows;
  return Array.from({ length: layout.valid }, (_, row) => {
    const label = labels[row] ?? null;
    const start = row * length;
    const index = task.classes === null ? (values[start] ?? -1) : argmax(values, start, length);
    if (index === -1 && task.classes !== null) return noAnswer(label !== null);
    return {
      key: String(index),
      text: classNames?.[index] ?? String(index),
      right: label === null ? null : index === label,
      inTop5: label === null || task.classes === null ? null : isInTop5(values, start, length, label),
    };
  });
}

function ctcAnswers(task: CtcTask, tensor: Tensor, layout: BatchLayout, labels: readonly (string | null)[]): Answer[] {
  const values = elementValues(tensor);
  if (values === null) return [];
  const { classes, alphabet, timeMajor } = task;
  const steps = values.length / layout.rows / classes;
  return Array.from({ length: layout.valid }, (_, row) => {
    const view = timeMajor
      ? { offset: row * classes, steps, stride: layout.rows * classes, classes }
      : { offset: row * steps * classes, steps, stride: classes, classes };
    const label = alphabet === null ? null : (labels[row] ?? null);
    const path = ctcBestPath(values, view);
    if (path === null) return noAnswer(label !== null);
    const text = alphabet === null ? path.join(' ') : path.map((index) => alphabet[index] ?? '').join('');
    const right = label === null ? null : withoutSpaces(text) === withoutSpaces(label);
    return { key: text, text, right, inTop5: null };
  });
}

const withoutSpaces = (text: string): string => text.replaceAll(' ', '');

/** The answers to one sample, for the list of worst samples. */
export interface AnswerPair {
  readonly label: string | null;
  readonly expected: string | null;
  readonly got: string | null;
}

export class TaskMetrics {
  private samples = 0;
  private agreeing = 0;
  private labelled = 0;
  private right = 0;
  private inTop5 = 0;
  private lost = 0;
  private gained = 0;

  /**
   * @param task from `detectTask`
   * @param classNames names of the classes in label order, or null
   */
  constructor(
    private readonly task: Task,
    private readonly classNames: readonly string[] | null,
  ) {}

  /**
   * Takes the task's output of one batch.
   * @throws CodedError DATA_LABELS_INVALID when a label is no class of the model
   */
  add(
    reference: Tensor,
    test: Tensor,
    layout: BatchLayout,
    ids: readonly string[],
    labels: readonly Label[],
  ): AnswerPair[] {
    const expected = this.answers(reference, layout, ids, labels);
    const got = reference === test ? expected : this.answers(test, layout, ids, labels);
    return expected.flatMap((answer, row) => {
      const other = got[row];
      if (other === undefined) return [];
      this.count(answer, other);
      return [{ label: this.labelText(labels[row] ?? null), expected: answer.text, got: other.text }];
    });
  }

  finish(): TaskAccuracy {
    const { samples, labelled, right } = this;
    const top1 = wilsonInterval(right, labelled);
    const agreement = wilsonInterval(this.agreeing, samples);
    // With five classes or fewer every answer is among the first five.
    const rankable = this.task.kind === 'classification' && (this.task.classes ?? 0) > 5;
    return {
      kind: this.task.kind,
      top1: labelled > 0 ? right / labelled : null,
      top1Low: top1?.low ?? null,
      top1High: top1?.high ?? null,
      top5: labelled > 0 && rankable ? this.inTop5 / labelled : null,
      agreement: samples > 0 ? this.agreeing / samples : null,
      agreementLow: agreement?.low ?? null,
      agreementHigh: agreement?.high ?? null,
      labelled,
      lost: labelled > 0 ? this.lost : null,
      gained: labelled > 0 ? this.gained : null,
      mcnemarP: labelled > 0 ? mcnemarExact(this.lost, this.gained) : null,
    };
  }

  private answers(tensor: Tensor, layout: BatchLayout, ids: readonly string[], labels: readonly Label[]): Answer[] {
    const { task } = this;
    if (task.kind === 'ctc') {
      const texts = labels.map((label) => (label === null ? null : String(label)));
      return ctcAnswers(task, tensor, layout, texts);
    }
    const numbers = labels
      .slice(0, layout.valid)
      .map((label, row) => classLabel(label, ids[row] ?? String(row), task.classes));
    return classificationAnswers(task, tensor, layout, numbers, this.classNames);
  }

  private count(expected: Answer, got: Answer): void {
    this.samples++;
    if (got.key !== null && expected.key === got.key) this.agreeing++;
    if (expected.right === null || got.right === null) return;
    this.labelled++;
    if (got.right) this.right++;
    if (got.inTop5 === true) this.inTop5++;
    if (expected.right && !got.right) this.lost++;
    if (!expected.right && got.right) this.gained++;
  }

  private labelText(label: Label): string | null {
    if (label === null) return null;
    return typeof label === 'number' ? (this.classNames?.[label] ?? String(label)) : label;
  }
}
