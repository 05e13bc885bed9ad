/**
 * What the form is told while it is edited: the command line and everything against the plan. The plan file's diagnostics
 * take the problems from here, too, so both say the same.
 */
import * as path from 'node:path';
import { CodedError } from '../../contract/errors';
import type { Machine, PlanProblem } from '../../contract/panels/convertPanel';
import type { Plan } from '../../contract/plan';
import type { NodePlan } from '../../contract/stageMethods';
import { isFaultOfModel, type ModelInspector } from '../plan/modelInspector';
import { planProblems, type PlanSurroundings } from '../plan/planProblems';

/** The live check does not wait longer for what the worker finds in a model. */
const patienceMs = 300;

/**
 * @param machine the last probe, or null: findings about the machine are left out then
 * @param models null: findings about the model are left out
 * @param onMore called when findings about the model are there that came too late for this answer: time to ask again
 */
export async function problemsOf(
  plan: Plan,
  baseDir: string,
  machine: Machine | null,
  models: ModelInspector | null,
  onMore: () => void,
): Promise<PlanProblem[]> {
  const model =
    models === null
      ? null
      : await inTime(modelFindings(plan, baseDir, models), (findings) => {
          // A failure that may pass is not kept; asking again at once would find it again, for ever.
          if (findings !== null && ('nodes' in findings || isFaultOfModel(findings.error.code))) onMore();
        });
  return planProblems(plan, { baseDir, backends: machine?.backends ?? null, model });
}

async function modelFindings(plan: Plan, baseDir: string, models: ModelInspector): Promise<PlanSurroundings['model']> {
  const file = path.resolve(baseDir, plan.model);
  try {
    await models.inspect(file);
  } catch (error) {
    return { error: CodedError.from(error).toJSON() };
  }
  // What depends on the user's own choices is theirs; asked for FP16 alone, the answer serves every plan of the model.
  const nodes = await models
    .nodes(file, { precisions: ['fp16'], keep: [] })
    .catch((error: unknown): readonly NodePlan[] | null => (isFaultOfModel(CodedError.from(error).code) ? [] : null));
  return nodes === null ? null : { nodes };
}

/** The answer, or null when it takes too long; then `onLate` is called once it is there. */
async function inTime<T>(answer: Promise<T>, onLate: (answer: T) => void): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<null>((resolve) => {
    timer = setTimeout(() => {
      resolve(null);
      answer.then(onLate, () => undefined);
    }, patienceMs);
  });
  return Promise.race([answer, timeout]).finally(() => clearTimeout(timer));
}
