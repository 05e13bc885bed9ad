/** Adds nodes to a probe model (`probeModels.ts`): arithmetic on its tensors, under names that no exporter writes. */
import { setInt, setInts } from '../model/attributes';
import { opsetVersion, type Model } from '../model/model';
import { newNode, type GraphProto } from '../model/onnx.generated';
import { makeInt64 } from '../model/tensorValues';
import { probePrefix } from './probeModels';

export class ProbeNodes {
  readonly graph: GraphProto;
  private readonly axesAreInput: boolean;
  private names = 0;

  constructor(probe: Model) {
    this.graph = probe.proto.graph;
    this.axesAreInput = opsetVersion(probe.proto) >= 18;
  }

  /** @returns the name of the new node's output */
  add(opType: string, input: readonly string[]): string {
    const output = this.name();
    this.graph.node.push(newNode({ opType, name: output, input: [...input], output: [output] }));
    return output;
  }

  /** A ReduceMean that leaves the axes out. @param axes null: all of them */
  mean(tensor: string, axes: readonly number[] | null, result: string): void {
    const node = newNode({ opType: 'ReduceMean', name: result, input: [tensor], output: [result] });
    setInt(node, 'keepdims', 0);
    if (axes !== null && this.axesAreInput) node.input.push(this.constant(axes));
    if (axes !== null && !this.axesAreInput) setInts(node, 'axes', axes);
    this.graph.node.push(node);
  }

  /** One mean per channel. @param rank of the tensor; null where the channels are its last axis, whatever its rank */
  meanPerChannel(tensor: string, { channels, axis, rank }: ChannelAxis, result: string): void {
    if (rank === null) {
      this.mean(this.add('Reshape', [tensor, this.constant([-1, channels])]), [0], result);
      return;
    }
    const others = Array.from({ length: rank }, (_, position) => position).filter((position) => position !== axis);
    this.mean(tensor, others, result);
  }

  /** The name of a new constant. */
  constant(values: readonly number[]): string {
    const name = this.name();
    this.graph.initializer.push(makeInt64(name, values));
    return name;
  }

  name(): string {
    return `${probePrefix}layer${this.names++}`;
  }
}

/** Where a tensor's channels are. */
export type ChannelAxis =
  | { readonly channels: number; readonly axis: number; readonly rank: number }
  | { readonly channels: number; readonly axis: 'last'; readonly rank: null };
