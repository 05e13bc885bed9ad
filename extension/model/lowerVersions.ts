/**
 * States a model's file format and operator set as the newest that the reference runtime opens, where that changes nothing.
 *
 * The `onnx` package writes its own newest versions unless told otherwise, and they are ahead of every runtime. IR version 14 adds
 * 6-bit floats and opsets 27 and 28 new operators, two attributes and more element types; a model that uses none of them means
 * the same under the older versions. Used before validation's promise is kept: `validateModel.ts` refuses what cannot be lowered.
 */
import { hasAttribute } from './attributes';
import { subgraphs } from './graphIndex';
import { normalDomain, opsetVersion, type Model } from './model';
import type { GraphProto, ModelProto, NodeProto } from './onnx.generated';

/** The newest versions that ONNX Runtime 1.30 opens. */
export const runtimeVersions = { irVersion: 13, opset: 26 } as const;

/** The newest versions whose differences to those are known here. */
export const knownVersions = { irVersion: 14, opset: 28 } as const;

/** Operators that opsets 27 and 28 added. */
const newerOperators: ReadonlySet<string> = new Set(['LinearAttention', 'CausalConvWithState', 'SwiGLU']);

/** Attributes that opsets 27 and 28 gave to older operators. Without them both mean what they meant. */
const newerAttributes: Readonly<Record<string, string>> = { Range: 'stash_type', SpaceToDepth: 'mode' };

/** Does the model state a version that the runtime does not open? */
export function isAheadOfRuntime({ proto }: Model): boolean {
  return (proto.irVersion ?? 0) > runtimeVersions.irVersion || opsetVersion(proto) > runtimeVersions.opset;
}

/** The first node that means something only in an operator set newer than the runtime's; undefined: there is none. */
export function newerNode(proto: ModelProto & { graph: GraphProto }): NodeProto | undefined {
  for (const nodes of [proto.graph.node, ...proto.functions.map((body) => body.node)]) {
    const found = newerIn(nodes);
    if (found !== undefined) return found;
  }
  return undefined;
}

function newerIn(nodes: readonly NodeProto[]): NodeProto | undefined {
  for (const node of nodes) {
    if (isNewer(node)) return node;
    for (const inner of subgraphs(node)) {
      const found = newerIn(inner.node);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function isNewer(node: NodeProto): boolean {
  if (normalDomain(node.domain) !== '') return false;
  const attribute = newerAttributes[node.opType ?? ''];
  return newerOperators.has(node.opType ?? '') || (attribute !== undefined && hasAttribute(node, attribute));
}

/** Edits the stated versions in place. @param model one that `validateModel` accepts */
export function lowerVersions({ proto }: Model): void {
  proto.irVersion = Math.min(proto.irVersion ?? 0, runtimeVersions.irVersion);
  for (const { opsetImport } of [proto, ...proto.functions]) {
    for (const entry of opsetImport) {
      if (normalDomain(entry.domain) === '') entry.version = Math.min(entry.version ?? 0, runtimeVersions.opset);
    }
  }
}
