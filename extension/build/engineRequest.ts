/**
 * What the builder is asked for one variant: profiles, types of single layers, layouts, all checked against the model, so
 * that a mistake in the plan is a sentence and not a page of TensorRT's log.
 *
 * Comes after the variant's graph is written; `buildEngine.ts` sends the request.
 */
import type { BuildRequest } from '../backends/backend';
import type { Plan } from '../contract/plan';
import type { StageMethods } from '../contract/stageMethods';
import type { Model } from '../model/model';
import { graphInputs } from '../model/modelCard';
import { keepRuleFor } from '../plan/keepRules';
import { shapeProfiles } from '../plan/shapeProfiles';

/** @throws CodedError PLAN_INVALID for shapes that do not fit the model */
export function engineRequest(model: Model, params: StageMethods['build']['params']): BuildRequest {
  const { plan, recipe, sampleDims, sampleValues = {}, onnx, output, target } = params;
  const inputs = graphInputs(model);
  const shapeValues = { ...sampleValues, ...plan.shapeValues };
  // A shape taken from single samples says how large everything is; no batch may be made of that.
  const isFromSamples = Object.keys(sampleValues).some((name) => !(name in plan.shapeValues));
  const batch = isFromSamples ? { opt: 1, max: 1 } : batchSizes(plan);
  const [shapes = {}, ...moreProfiles] = [{}, ...plan.profiles].map((more) =>
    shapeProfiles(inputs, sampleDims, { ...plan.shapes, ...more }, batch),
  );
  return {
    onnx,
    precision: recipe.precision,
    engine: output,
    target,
    builder: { ...plan.builder, tf32: recipe.tf32 },
    shapes,
    typing: recipe.typing,
    ...(moreProfiles.length > 0 ? { moreProfiles } : {}),
    ...(Object.keys(shapeValues).length > 0 ? { shapeValues } : {}),
    ...(Object.keys(plan.formats).length > 0 ? { io: layouts(plan) } : {}),
    ...(recipe.typing === 'weak'
      ? { layerPrecisions: keptLayers(model, plan), constraints: plan.builder.constraints }
      : {}),
    gpuFallback: plan.builder.gpuFallback,
  };
}

function layouts({ formats }: Plan): NonNullable<BuildRequest['io']> {
  return Object.fromEntries(Object.entries(formats).map(([name, allowed]) => [name, { formats: allowed }]));
}

/** In a weakly typed network a `keep` rule is a constraint on the layers of its nodes. */
function keptLayers(model: Model, { keep }: Plan): NonNullable<BuildRequest['layerPrecisions']> {
  const layers: Record<string, Plan['keep'][number]['precision']> = {};
  for (const node of model.proto.graph.node) {
    const rule = keepRuleFor(node, keep);
    if (rule !== undefined && node.name) layers[node.name] = rule.precision;
  }
  return layers;
}

/** Fastest at the batch that is measured; large enough for the batches of calibration and evaluation. */
function batchSizes({ benchmark, calibration }: Plan): { opt: number; max: number } {
  return { opt: benchmark.batch, max: Math.max(benchmark.batch, calibration.batchSize) };
}
