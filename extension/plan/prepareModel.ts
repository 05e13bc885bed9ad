/**
 * The model that every variant starts from: the user's graph, cleaned up without changing what it computes.
 *
 * All variants share it, so a tensor has one name in the ranges, the calibration table and every rewritten graph; the FP32
 * variant is this model itself. Comes after validation and before calibration. Only the folding of BatchNormalization (relative
 * 1e-6) and single precision in place of double (6e-8) round. One opset serves all precisions: 22 is the first that has BF16 convolutions.
 */
import { CodedError } from '../contract/errors';
import { cloneModel } from '../model/cloneModel';
import { flatGraph } from '../model/flatGraph';
import { describeNode, topologicalSort, walkGraphs } from '../model/graphIndex';
import { normalDomain, opsetVersion, type Model } from '../model/model';
import type { GraphProto } from '../model/onnx.generated';
import { upgradeOpset } from '../model/upgradeOpset';
import { inferTypes } from './inferTypes';
import { castLikeToCast } from './prepare/castLikeToCast';
import { constantsToInitializers } from './prepare/constantsToInitializers';
import { expandActivations } from './prepare/expandActivations';
import { foldBatchNormalization } from './prepare/foldBatchNormalization';
import { foldConstants } from './prepare/foldConstants';
import { foldDequantizedBiases } from './prepare/foldDequantizedBiases';
import { inlineBranches } from './prepare/inlineBranches';
import { inlineFunctions } from './prepare/inlineFunctions';
import { nameNodes } from './prepare/nameNodes';
import { removeIdentities } from './prepare/removeIdentities';
import { removeUnused } from './prepare/removeUnused';
import { scalarRanges } from './prepare/scalarRanges';
import { toSinglePrecision } from './prepare/toSinglePrecision';
import { uniqueDimensions } from './prepare/uniqueDimensions';
import { uniqueNames } from './prepare/uniqueNames';
import { simplifyCasts } from './simplifyCasts';

export interface PrepareOptions {
  /** The opset to upgrade to; a newer model keeps its own. */
  readonly opset?: number;
  /** Told of what could not be done; the model is then still right, but some precisions may be out of reach. */
  readonly onWarning?: (text: string) => void;
}

export const targetOpset = 22;

/**
 * @param model validated; not changed
 * @throws CodedError MODEL_INVALID (cycles, recursive functions), MODEL_OPSET_UNSUPPORTED
 */
export function prepareModel(model: Model, options: PrepareOptions = {}): Model {
  const inlined = cloneModel(model);
  inlineFunctions(inlined);
  const prepared = upgraded(inlined, options);
  const { graph } = prepared.proto;
  dropOverridableConstants(graph);
  uniqueNames(graph);
  for (const one of walkGraphs(graph)) one.node = topologicalSort(one);
  castLikeToCast(prepared);
  expandActivations(prepared);
  constantsToInitializers(graph);
  toSinglePrecision(prepared);
  // What one step makes constant or plain, the next one looks through: until no branch is decided any more.
  do {
    removeIdentities(prepared);
    foldConstants(prepared);
  } while (inlineBranches(prepared));
  scalarRanges(prepared);
  foldDequantizedBiases(prepared);
  simplifyCasts(prepared);
  foldBatchNormalization(prepared);
  removeUnused(graph);
  nameNodes(graph);
  uniqueDimensions(graph);
  keepNeededValueInfo(prepared);
  return prepared;
}

/**
 * Operators that ONNX Runtime 1.30 computes in the form that they had before opset 22 and not in that of 22: found by opening each
 * operator that opset 22 changed, in both. With one of them, 21 serves all precisions but BF16.
 */
const olderInRuntime: ReadonlySet<string> = new Set(
  'RoiAlign MaxRoiPool GlobalLpPool Multinomial Bernoulli RandomNormal RandomNormalLike RandomUniform RandomUniformLike'.split(
    ' ',
  ),
);

function reachableOpset(model: Model, opset: number, onWarning: PrepareOptions['onWarning']): number {
  if (opset !== targetOpset || opsetVersion(model.proto) >= opset) return opset;
  for (const graph of walkGraphs(model.proto.graph)) {
    const older = graph.node.find(
      ({ opType, domain }) => olderInRuntime.has(opType ?? '') && normalDomain(domain) === '',
    );
    if (older === undefined) continue;
    onWarning?.(
      `The model is prepared at opset ${opset - 1}: the runtime that compares has ${older.opType} (node "${describeNode(older)}") in no newer form. BF16 would need ${opset}.`,
    );
    return opset - 1;
  }
  return opset;
}

/** At the target opset if every operator has a rule for the way there, else as it was. */
function upgraded(model: Model, { opset: wanted = targetOpset, onWarning }: PrepareOptions): Model {
  const opset = reachableOpset(model, wanted, onWarning);
  if (opsetVersion(model.proto) >= opset) return model;
  const trial = cloneModel(model);
  try {
    upgradeOpset(trial, opset);
    return trial;
  } catch (error) {
    if (!CodedError.is(error, 'MODEL_OPSET_UPGRADE')) throw error;
    onWarning?.(`The model stays at opset ${opsetVersion(model.proto)}: ${error.reason}`);
    return model;
  }
}

/** Models before IR version 4 list every constant as an input; what has a default value is not an input to us. */
function dropOverridableConstants(graph: GraphProto): void {
  const constants = new Set(graph.initializer.map((tensor) => tensor.name));
  graph.input = graph.input.filter((input) => !constants.has(input.name));
}

/** `value_info` of exporters is often stale; it is kept only for tensors whose type no signature gives. */
function keepNeededValueInfo(model: Model): void {
  const { graph } = model.proto;
  const declared = [...walkGraphs(graph)].map((one) => [one, one.valueInfo] as const);
  for (const [one] of declared) one.valueInfo = [];
  const types = inferTypes(flatGraph(graph), opsetVersion(model.proto));
  for (const [one, values] of declared) {
    const made = new Set(one.node.flatMap((node) => node.output));
    one.valueInfo = values.filter((value) => made.has(value.name ?? '') && !types.has(value.name ?? ''));
  }
}
