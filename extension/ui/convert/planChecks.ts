/**
 * What the form is told while it is edited: the command line and everything against the plan. The plan file's diagnostics
 * take the problems from here, too, so both say the same.
 */
import * as path from 'node:path';
import { CodedError } from '../../contract/errors';
import type { Machine, PlanProblem } from '../../contract/panels/convertPanel';
import type { Plan } from '../../contract/plan';
import type { NodePlan } from '../../contract/stageMethods';
import type { ModelInspector } from '../plan/modelInspector';
import { planProblems, type PlanSurroundings } from '../plan/planProblems';

/** The live check does not wait longer for what the worker finds in a model; it asks again with the next edit. */
const patienceMs = 3000;

/**
 * @param machine the last probe, or null: findings about the machine are left out then
 * @param models null: findings about the model are left out
 */
export async function problemsOf(
  plan: Plan,
  baseDir: string,
  machine: Machine | null,
  models: ModelInspector | null,
): Promise<PlanProblem[]> {
  const model = models === null ? null : await within(patienceMs, modelFindings(plan, baseDir, models));
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
  const nodes: readonly NodePlan[] = await models.nodes(file, { precisions: ['fp16'], keep: [] }).catch(() => []);
  return { nodes };
}

async function within<T>(milliseconds: number, answer: Promise<T>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), milliseconds);
  });
  return Promise.race([answer, timeout]).finally(() => clearTimeout(timer));
}
