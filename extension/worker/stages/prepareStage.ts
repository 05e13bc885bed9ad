/** `prepare`: writes the exact clean-up of the model that every variant shares, so that tensor names agree between them. */
import type { StageMethods } from '../../contract/stageMethods';
import { loadModel } from '../../model/loadModel';
import { opsetVersion } from '../../model/model';
import { saveModel } from '../../model/saveModel';
import { validateModel } from '../../model/validateModel';
import { prepareModel } from '../../plan/prepareModel';

export async function prepareStage({
  model: file,
  output,
}: StageMethods['prepare']['params']): Promise<StageMethods['prepare']['result']> {
  const model = await loadModel(file);
  validateModel(model);
  const warnings: string[] = [];
  const prepared = prepareModel(model, { onWarning: (text) => warnings.push(text) });
  await saveModel(prepared, output);
  return { opset: opsetVersion(prepared.proto), warnings };
}
