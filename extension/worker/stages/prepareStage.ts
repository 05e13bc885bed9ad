/**
 * `prepare`: writes the exact clean-up of the model that every variant shares, so that tensor names agree between them, and
 * checks what the plan says of the model's inputs and outputs before any work is spent on it. A model whose versions are ahead of
 * the reference runtime gets a copy that it opens.
 */
import type { StageMethods } from '../../contract/stageMethods';
import { loadModel } from '../../model/loadModel';
import { isAheadOfRuntime, lowerVersions } from '../../model/lowerVersions';
import { opsetVersion } from '../../model/model';
import { graphInputs, graphOutputs } from '../../model/modelCard';
import { saveModel } from '../../model/saveModel';
import { validateModel } from '../../model/validateModel';
import { existingQuantization } from '../../plan/existingQuantization';
import { prepareModel } from '../../plan/prepareModel';
import { randomOperators } from '../../plan/randomOperators';
import { checkPlannedShapes } from '../../plan/shapeProfiles';
import { checkBindingNames } from '../../plan/writeBindings';

export async function prepareStage({
  model: file,
  plan,
  output,
  referenceOutput,
}: StageMethods['prepare']['params']): Promise<StageMethods['prepare']['result']> {
  const model = await loadModel(file);
  validateModel(model);
  const warnings = [...existingQuantization(model), ...randomOperators(model)];
  const ahead = isAheadOfRuntime(model);
  if (ahead) {
    lowerVersions(model);
    await saveModel(model, referenceOutput);
  }
  const prepared = prepareModel(model, { onWarning: (text) => warnings.push(text) });
  checkBindingNames(prepared, plan.bindings);
  const outputs = graphOutputs(prepared).map(({ name }) => name);
  checkPlannedShapes(graphInputs(prepared), outputs, plan);
  await saveModel(prepared, output);
  return { opset: opsetVersion(prepared.proto), reference: ahead ? referenceOutput : file, warnings };
}
