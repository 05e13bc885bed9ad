/**
 * An ONNX model in memory: the message and where it came from.
 *
 * `loadModel.ts` makes one; every stage edits `proto` in place or works on a `cloneModel`. Weights stay in the files that
 * their ranges name.
 */
import type { GraphProto, ModelProto } from './onnx.generated';

export interface Model {
  readonly proto: ModelProto & { graph: GraphProto };
  /** The file it was loaded from; relative external-data locations count from its folder. */
  readonly path: string;
}

/** Version of an operator set that a model imports; 0 when it does not. `""` and `"ai.onnx"` are the same domain. */
export function opsetVersion(proto: Pick<ModelProto, 'opsetImport'>, domain = ''): number {
  const wanted = normalDomain(domain);
  return proto.opsetImport.find((entry) => normalDomain(entry.domain) === wanted)?.version ?? 0;
}

/** The default domain has two names. */
export function normalDomain(domain: string | undefined): string {
  return domain === undefined || domain === 'ai.onnx' ? '' : domain;
}
