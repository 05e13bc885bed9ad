/**
 * What is known of models: asked of the worker once per version of a file and kept, since the panel, the diagnostics and the
 * live check all ask for it.
 */
import { stat } from 'node:fs/promises';
import type { RequestOptions } from '../../contract/channel';
import { CodedError, type ErrorCode } from '../../contract/errors';
import type { ModelContents } from '../../contract/panels/convertPanel';
import { precisionOf, type Plan, type Precision } from '../../contract/plan';
import type { NodePlan } from '../../contract/stageMethods';
import type { WorkerProcess } from '../workerProcess';

/** Models beyond these are asked for again. */
const keptAnswers = 16;

export class ModelInspector {
  private readonly answers = new Map<string, Promise<unknown>>();

  constructor(private readonly worker: Pick<WorkerProcess, 'request'>) {}

  /** @throws CodedError MODEL_* */
  inspect(model: string): Promise<ModelContents> {
    return this.kept(model, 'card', async () => {
      const { card, operators } = await this.worker.request('inspect', { model, explain: [] });
      return { card, operators };
    });
  }

  /** What each of the plan's precisions would do to each node. @throws CodedError MODEL_* */
  nodes(
    model: string,
    plan: Pick<Plan, 'precisions' | 'keep'>,
    options?: RequestOptions,
  ): Promise<readonly NodePlan[]> {
    const explain = [...new Set(plan.precisions.map(precisionOf))].filter((name): name is Precision => name !== 'fp32');
    if (explain.length === 0) return Promise.resolve([]);
    const { keep } = plan;
    return this.kept(model, JSON.stringify([explain, keep]), async () => {
      return (await this.worker.request('inspect', { model, explain, keep }, options)).nodes;
    });
  }

  private async kept<T>(model: string, question: string, ask: () => Promise<T>): Promise<T> {
    const { mtimeMs = 0, size = 0 } = (await stat(model).catch(() => null)) ?? {};
    const key = JSON.stringify([model, mtimeMs, size, question]);
    const known = this.answers.get(key) as Promise<T> | undefined;
    if (known !== undefined) return known;
    const answer = ask();
    this.answers.set(key, answer);
    for (const old of [...this.answers.keys()].slice(0, -keptAnswers)) this.answers.delete(old);
    // What the file itself is at fault for stays so until it changes; the rest may pass.
    answer.catch((error: unknown) => {
      if (!isFaultOfModel(CodedError.from(error).code)) this.answers.delete(key);
    });
    return answer;
  }
}

export function isFaultOfModel(code: ErrorCode): boolean {
  return /^(MODEL|EXTERNAL_DATA)_/.test(code);
}
