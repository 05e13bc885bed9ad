/**
 * Raises a model to a newer opset of the default domain, exactly or not at all.
 *
 * Comes before a precision is written: per-channel Q/DQ needs opset 13, FP16 scales 19, BF16 in most operators 22.
 * Subgraphs and model-local functions are raised along; other domains stay as they are. What changed between versions
 * is data (`opsetChanges.ts`), how a node is rewritten is code (`opsetRules.ts`).
 */
import { CodedError } from '../contract/errors';
import { cloneModel } from './cloneModel';
import { capturedTensors, definedTensors, describeNode, subgraphs, walkGraphs } from './graphIndex';
import { type Model, normalDomain, opsetVersion } from './model';
import {
  type GraphProto,
  newOperatorSetId,
  type FunctionProto,
  type ModelProto,
  type NodeProto,
} from './onnx.generated';
import { opsetChanges } from './opsetChanges';
import { opsetRules, Refusal } from './opsetRules';
import { NamePool, type ScopeOptions, UpgradeScope } from './upgradeScope';
import { supportedOpsets } from './validateModel';

/** The IR version that came with an opset (ONNX, "Versioning"): the oldest that a file of that opset may state. */
const irVersions: readonly (readonly [opset: number, irVersion: number])[] = [
  [25, 13],
  [24, 12],
  [23, 11],
  [21, 10],
  [19, 9],
  [15, 8],
  [12, 7],
  [11, 6],
  [10, 5],
  [9, 4],
];

/**
 * Upgrades in place; a model that is as new already stays as it is, and a model that cannot be upgraded too.
 * @param version the opset wanted, up to the newest that the reference runtime knows
 * @throws CodedError MODEL_OPSET_UPGRADE naming operator, node, versions and reason; MODEL_OPSET_UNSUPPORTED for a model
 *   older than opset 6 or a version out of range
 */
export function upgradeOpset(model: Model, version: number): void {
  const { proto, path } = model;
  const from = opsetVersion(proto);
  if (version > supportedOpsets.newest || (from !== 0 && from < supportedOpsets.oldest)) {
    throw new CodedError({
      code: 'MODEL_OPSET_UNSUPPORTED',
      reason: `${path} cannot be upgraded from opset ${from} to ${version}.`,
      fix: `Export the model with an opset from ${supportedOpsets.oldest} to ${supportedOpsets.newest}.`,
      place: { file: path },
    });
  }
  // Rehearsed on a copy, so that a refusal halfway leaves the model whole.
  upgradeAll(cloneModel(model), version);
  upgradeAll(model, version);
}

function upgradeAll(model: Model, version: number): void {
  const { proto, path } = model;
  const names = new NamePool(usedNames(proto));
  const from = opsetVersion(proto);
  if (from < version) {
    upgradeGraph(proto.graph, { from, target: version, names, path });
    setOpset(proto, version);
    raiseIrVersion(proto, version);
  }
  for (const body of proto.functions) {
    const own = opsetVersion(body);
    if (own === 0 || own >= version) continue;
    upgradeFunction(body, { from: own, target: version, names, path });
    setOpset(body, version);
  }
}

interface Upgrade {
  readonly from: number;
  readonly target: number;
  readonly names: NamePool;
  readonly path: string;
}

function upgradeGraph(graph: GraphProto, upgrade: Upgrade, outer?: UpgradeScope): void {
  const values = [...graph.input, ...graph.output, ...graph.valueInfo];
  const results = graph.output.map((output) => output.name ?? '');
  graph.node = upgradeNodes(
    { ...upgrade, nodes: graph.node, graph, values, results, ...(outer && { outer }) },
    upgrade,
  );
}

function upgradeFunction(body: FunctionProto, upgrade: Upgrade): void {
  body.node = upgradeNodes({ ...upgrade, nodes: body.node, values: body.valueInfo, results: body.output }, upgrade);
}

function upgradeNodes(options: ScopeOptions, upgrade: Upgrade): NodeProto[] {
  const scope = new UpgradeScope(options);
  for (const node of options.nodes) scope.addReads(capturedTensors(node));
  const upgraded: NodeProto[] = [];
  for (const node of options.nodes) {
    for (const inner of subgraphs(node)) upgradeGraph(inner, upgrade, scope);
    if (normalDomain(node.domain) === '') upgradeNode(node, scope, upgrade);
    upgraded.push(...scope.before.splice(0), node, ...scope.after.splice(0));
  }
  return upgraded;
}

/** Applies the changes of a node's operator, oldest first. A rewrite may turn it into another operator. */
function upgradeNode(node: NodeProto, scope: UpgradeScope, { from, target }: Upgrade): void {
  for (let version = from + 1; version <= target; version++) {
    const opType = node.opType ?? '';
    const change = opsetChanges.get(opType)?.find((candidate) => candidate.version === version);
    if (change === undefined || change.kind === 'same') continue;
    if (change.kind === 'refuse') throw refused(node, opType, from, target, change.reason);
    const rule = opsetRules[`${opType} ${version}`];
    if (rule === undefined) throw refused(node, opType, from, target, change.reason);
    try {
      rule(node, scope);
      scope.learn(node);
    } catch (error) {
      if (error instanceof Refusal) throw refused(node, opType, from, target, error.message);
      throw error;
    }
  }
}

function refused(node: NodeProto, opType: string, from: number, target: number, reason: string): CodedError {
  const name = describeNode(node);
  return new CodedError({
    code: 'MODEL_OPSET_UPGRADE',
    reason: `${opType} in node "${name}" cannot be upgraded from opset ${from} to ${target}: ${reason}.`,
    fix: `Export the model with opset ${target} or later, or choose a precision that needs no upgrade.`,
    place: { node: name, field: opType },
  });
}

function setOpset(imports: Pick<ModelProto, 'opsetImport'>, version: number): void {
  const entry = imports.opsetImport.find((candidate) => normalDomain(candidate.domain) === '');
  if (entry === undefined) imports.opsetImport.push(newOperatorSetId({ domain: '', version }));
  else entry.version = version;
}

function raiseIrVersion(proto: ModelProto & { graph: GraphProto }, opset: number): void {
  const before = proto.irVersion ?? 0;
  const needed = irVersions.find(([oldest]) => opset >= oldest)?.[1] ?? 3;
  if (before >= needed) return;
  proto.irVersion = needed;
  // Until IR version 3 every initializer is listed as an input and is a constant; later, being listed makes it a default
  // that a caller may override, which stops runtimes from folding it.
  if (before < 4) for (const graph of walkGraphs(proto.graph)) dropConstantInputs(graph);
}

function dropConstantInputs(graph: GraphProto): void {
  const constants = new Set(graph.initializer.map((tensor) => tensor.name));
  graph.input = graph.input.filter((input) => !constants.has(input.name));
}

function usedNames(proto: ModelProto & { graph: GraphProto }): Set<string> {
  const used = new Set<string>();
  const addNodes = (nodes: readonly NodeProto[]): void => {
    for (const node of nodes) [node.name ?? '', ...node.input, ...node.output].forEach((name) => used.add(name));
  };
  for (const graph of walkGraphs(proto.graph)) {
    for (const name of definedTensors(graph)) used.add(name);
    addNodes(graph.node);
  }
  for (const body of proto.functions) {
    addNodes(body.node);
    [...body.input, ...body.output].forEach((name) => used.add(name));
    for (const node of body.node) {
      for (const inner of subgraphs(node)) {
        for (const graph of walkGraphs(inner)) {
          for (const name of definedTensors(graph)) used.add(name);
          addNodes(graph.node);
        }
      }
    }
  }
  return used;
}
