/**
 * Replaces calls of model-local functions by their bodies: TensorRT's parser and the precision rules look at operators.
 *
 * Functions may call functions; a call's attributes replace the references in the body, with the function's defaults where
 * the call gives none. Part of `prepareModel.ts`, before the opset upgrade.
 */
import { CodedError } from '../../contract/errors';
import { cloneMessage } from '../../model/cloneModel';
import { GraphIndex, subgraphs, walkGraphs } from '../../model/graphIndex';
import { normalDomain, opsetVersion, type Model } from '../../model/model';
import type { AttributeProto, FunctionProto, GraphProto, NodeProto } from '../../model/onnx.generated';

/** Calls deeper than this are a recursion, which ONNX forbids. */
const deepest = 64;

/**
 * Edits the model in place; afterwards it has no functions.
 * @throws CodedError MODEL_INVALID for recursion, MODEL_OPSET_UNSUPPORTED for a function of another opset than the model
 */
export function inlineFunctions(model: Model): void {
  const { proto } = model;
  if (proto.functions.length === 0) return;
  const functions = new Map(proto.functions.map((callee) => [keyOf(callee, callee.name), callee]));
  const index = new GraphIndex(proto.graph);
  const inliner = new Inliner(model, functions, (base) => index.uniqueName(base));
  for (const graph of [...walkGraphs(proto.graph)]) graph.node = inliner.expand(graph.node, 0);
  proto.functions = [];
}

function keyOf(
  owner: { domain?: string | undefined; overload?: string | undefined },
  name: string | undefined,
): string {
  return `${normalDomain(owner.domain)}|${name ?? ''}|${owner.overload ?? ''}`;
}

class Inliner {
  constructor(
    private readonly model: Model,
    private readonly functions: ReadonlyMap<string, FunctionProto>,
    private readonly uniqueName: (base: string) => string,
  ) {}

  expand(nodes: readonly NodeProto[], depth: number): NodeProto[] {
    return nodes.flatMap((node) => {
      const callee = this.functions.get(keyOf(node, node.opType));
      if (callee === undefined) {
        if (depth > 0) for (const body of subgraphs(node)) body.node = this.expand(body.node, depth);
        return [node];
      }
      if (depth >= deepest) throw recursion(callee);
      this.checkOpset(callee);
      return this.expand(this.instantiate(node, callee), depth + 1);
    });
  }

  /** The body of a function for one call: formal names become the call's, inner names unique. */
  private instantiate(call: NodeProto, callee: FunctionProto): NodeProto[] {
    const names = new Map<string, string>([['', '']]);
    callee.input.forEach((formal, position) => names.set(formal, call.input[position] ?? ''));
    callee.output.forEach((formal, position) => {
      const actual = call.output[position] ?? '';
      names.set(formal, actual === '' ? this.uniqueName(formal) : actual);
    });
    const attributes = new Map<string, AttributeProto>();
    for (const attribute of [...callee.attributeProto, ...call.attribute])
      attributes.set(attribute.name ?? '', attribute);
    const rename = (name: string): string => {
      let renamed = names.get(name);
      if (renamed === undefined) {
        renamed = this.uniqueName(`${call.name ?? callee.name ?? 'call'}/${name}`);
        names.set(name, renamed);
      }
      return renamed;
    };
    return callee.node.map((inner) => {
      const node = cloneMessage(inner);
      node.name = this.uniqueName(`${call.name ?? callee.name ?? 'call'}/${inner.name ?? inner.opType ?? ''}`);
      bind(node, rename, attributes);
      return node;
    });
  }

  private checkOpset(callee: FunctionProto): void {
    const wanted = opsetVersion(callee);
    const given = opsetVersion(this.model.proto);
    if (wanted === 0 || wanted === given) return;
    throw new CodedError({
      code: 'MODEL_OPSET_UNSUPPORTED',
      reason: `Function ${callee.name} is written for opset ${wanted}, the model for opset ${given}.`,
      fix: 'Export the model with functions inlined, or with one opset throughout.',
      place: { node: callee.name ?? '' },
    });
  }
}

/** Renames what a node reads and makes, in its bodies too, and fills attribute references. */
function bind(
  node: NodeProto,
  rename: (name: string) => string,
  attributes: ReadonlyMap<string, AttributeProto>,
): void {
  node.input = node.input.map(rename);
  node.output = node.output.map(rename);
  node.attribute = node.attribute.flatMap((attribute) => {
    if (attribute.refAttrName === undefined || attribute.refAttrName === '') return [attribute];
    const actual = attributes.get(attribute.refAttrName);
    // A reference to an attribute that the call leaves out and the function has no default for: absent.
    return actual === undefined ? [] : [{ ...cloneMessage(actual), name: attribute.name, refAttrName: undefined }];
  });
  for (const body of subgraphs(node)) bindGraph(body, rename, attributes);
}

function bindGraph(
  graph: GraphProto,
  rename: (name: string) => string,
  attributes: ReadonlyMap<string, AttributeProto>,
): void {
  for (const value of [...graph.input, ...graph.output, ...graph.valueInfo, ...graph.initializer]) {
    if (value.name !== undefined) value.name = rename(value.name);
  }
  for (const node of graph.node) bind(node, rename, attributes);
}

function recursion(callee: FunctionProto): CodedError {
  return new CodedError({
    code: 'MODEL_INVALID',
    reason: `Function ${callee.name} calls itself.`,
    fix: 'Export the model again; ONNX functions must not be recursive.',
    place: { node: callee.name ?? '' },
  });
}
