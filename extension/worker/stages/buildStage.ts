/** `build`: one engine of one variant for one architecture, calibrated by TensorRT itself where the recipe says so. */
import { existsSync } from 'node:fs';
import type { Backend } from '../../backends/backend';
import { chooseBuilder, type BuildingBackend } from '../../backends/choose';
import { buildEngine, type BuiltEngine, type CalibratorSource } from '../../build/buildEngine';
import { checkRealised } from '../../build/checkRealised';
import { EngineCache } from '../../build/engineCache';
import { TensorrtCalibrationRun } from '../../build/tensorrtCalibration';
import { passportPath } from '../../contract/enginePassport';
import type { RunOptions } from '../../contract/progress';
import type { Artifact } from '../../contract/report';
import type { StageMethods } from '../../contract/stageMethods';
import type { ValueSpec } from '../../contract/tensor';
import { describeFile } from '../../files/describeFile';
import { loadModel } from '../../model/loadModel';
import { graphInputs } from '../../model/modelCard';
import { convertFeeds } from './convertFeeds';
import { withSelectedDataset } from './selectedDataset';

type Params = StageMethods['build']['params'];
type Result = StageMethods['build']['result'];

/** @throws CodedError as `buildEngine` and `checkRealised` do */
export async function buildStage(
  params: Params,
  backends: readonly Backend[],
  options: RunOptions,
  cache: EngineCache = new EngineCache(),
): Promise<Result> {
  const compiler = chooseBuilder(backends, params.backend);
  const { calibrator } = params.recipe;
  if (calibrator === null || calibrator === 'builtin') {
    const built = await buildEngine(params, compiler, options, { cache });
    return finish(params, built, []);
  }
  return calibrated(params, compiler, options, cache);
}

/** A build in which TensorRT pulls the calibration samples itself. */
async function calibrated(
  params: Params,
  compiler: BuildingBackend,
  options: RunOptions,
  cache: EngineCache,
): Promise<Result> {
  const { calibration, plan, recipe } = params;
  if (calibration === null || recipe.calibrator === null || recipe.calibrator === 'builtin') {
    throw new TypeError('A recipe with a calibrator of TensorRT needs calibration data.');
  }
  const { calibrator: algorithm } = recipe;
  const model = await loadModel(params.onnx);
  const inputs = graphInputs(model);
  const { version } = await compiler.probe();
  const run = await TensorrtCalibrationRun.prepare({
    algorithm,
    plan: plan.calibration,
    calibration,
    version: version ?? '',
    tensors: new Set(model.proto.graph.node.flatMap(({ input, output }) => [...input, ...output])),
    convert: (feeds) => convertFeeds(feeds, { inputs: inputs.map(inFullPrecision) }),
  });
  const calibrator: CalibratorSource = {
    key: run.key,
    use: (work) =>
      withSelectedDataset(calibration.data, inputs, options.signal, async (dataset) =>
        work(await run.open(dataset, options.signal)),
      ),
  };
  const built = await buildEngine(params, compiler, options, { cache, calibrator });
  const files = await run.writeCaches(built.calibrationCache);
  const caches = await Promise.all(files.map((file) => fileArtifact('cache', file, params.backend)));
  const result = await finish(params, built, caches);
  const warnings = [...result.warnings, ...run.warnings];
  return { ...result, calibration: run.summary(built.calibrationCache), warnings };
}

/** TensorRT calibrates on FP32, whatever type the engine's inputs will have. */
function inFullPrecision(input: ValueSpec): ValueSpec {
  return input.dtype === 'fp16' || input.dtype === 'bf16' ? { ...input, dtype: 'fp32' } : input;
}

/** @throws CodedError PRECISION_NOT_REALISED */
async function finish(params: Params, built: BuiltEngine, more: Artifact[]): Promise<Result> {
  const { build, bytes, sha256, kept, unknownLayers } = built;
  const { backend, target, output, recipe } = params;
  checkRealised(build, recipe);
  const passport = passportPath(output);
  return {
    artifact: { kind: 'engine', backend, target, path: output, bytes, sha256 },
    build: { ...build, typing: recipe.typing, cached: kept },
    more: existsSync(passport) ? [...more, await fileArtifact('passport', passport, backend)] : more,
    calibration: null,
    warnings: unknownLayers.length === 0 ? [] : [unknownLayersText(unknownLayers)],
  };
}

function unknownLayersText(names: readonly string[]): string {
  const more = names.length > 3 ? ` and ${names.length - 3} more` : '';
  return `TensorRT made no layer of its own of ${names.slice(0, 3).join(', ')}${more}, so --keep says nothing to it there.`;
}

async function fileArtifact(kind: Artifact['kind'], path: string, backend: string): Promise<Artifact> {
  return { kind, backend, target: null, path, ...(await describeFile(path)) };
}
