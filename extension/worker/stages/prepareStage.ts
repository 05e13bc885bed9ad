/**
 * `prepare`: writes the exact clean-up of the model that every variant shares, so that tensor names agree between them, and
 * checks what the plan says of the model's inputs and outputs before any work is spent on it.
 */
import type { StageMethods } from '../../contract/stageMethods';
import { loadModel } from '../../model/loadModel';
import { opsetVersion } from '../../model/model';
import { graphInputs, graphOutputs } from '../../model/modelCard';
import { saveModel } from '../../model/saveModel';
import { validateModel } from '../../model/validateModel';
import { prepareModel } from '../../plan/prepareModel';
import { checkPlannedShapes } from '../../plan/shapeProfiles';
import { checkBindingNames } from '../../plan/writeBindings';

export async function prepareStage({
  model: file,
  plan,
  output,
}: StageMethods['prepare']['params']): Promise<StageMethods['prepare']['result']> {
  const model = await loadModel(file);
  validateModel(model);
  const warnings: string[] = [];
  const prepared = prepareModel(model, { onWarning: (text) => warnings.push(text) });
  checkBindingNames(prepared, plan.bindings);
  const outputs = graphOutputs(prepared).map(({ name }) => name);
  checkPlannedShapes(graphInputs(prepared), outputs, plan);
  await saveModel(prepared, output);
  return { opset: opsetVersion(prepared.proto), warnings };
}
