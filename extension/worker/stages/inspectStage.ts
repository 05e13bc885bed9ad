/** `inspect`: reads and checks the model; says what each precision would do to each node. */
import { walkGraphs } from '../../model/graphIndex';
import { loadModel } from '../../model/loadModel';
import { modelCard } from '../../model/modelCard';
import { validateModel } from '../../model/validateModel';
import { existingQuantization } from '../../plan/existingQuantization';
import { explainPlan } from '../../plan/explainPlan';
import { prepareModel } from '../../plan/prepareModel';
import { randomOperators } from '../../plan/randomOperators';
import type { StageMethods } from '../../contract/stageMethods';

export async function inspectStage(
  params: StageMethods['inspect']['params'],
): Promise<StageMethods['inspect']['result']> {
  const model = await loadModel(params.model);
  validateModel(model);
  const operators: Record<string, number> = {};
  for (const graph of walkGraphs(model.proto.graph)) {
    for (const node of graph.node) operators[node.opType ?? ''] = (operators[node.opType ?? ''] ?? 0) + 1;
  }
  const card = await modelCard(model);
  if (params.explain.length === 0) return { card, operators, nodes: [], warnings: [] };
  const warnings = [...existingQuantization(model), ...randomOperators(model)];
  const prepared = prepareModel(model, { onWarning: (text) => warnings.push(text) });
  const nodes = params.explain.flatMap((variant) =>
    explainPlan(prepared, variant, { plan: { keep: params.keep ?? [] } }).map((decision) => ({ ...decision, variant })),
  );
  return { card, operators, nodes, warnings };
}
