/**
 * What TensorRT made of a graph: its engine inspector's JSON as layers with the precision they realised.
 *
 * An "FP16" engine may run layers in FP32 and a Q/DQ graph may run convolutions in FP16, so what was asked for says little.
 * Comes after a build on a machine with the GPU; `build.realised` of the report is made here.
 */
import type { BuildSummary } from '../contract/report';

/** A layer after fusion. */
export interface EngineLayer {
  readonly name: string;
  /** TensorRT's word, as `CaskConvolution`, `Myelin`, `Reformat`. */
  readonly type: string;
  /**
   * `int4` (reads such weights), `int8`, `fp8`, `fp16`, `bf16`, `fp32`, `tf32`, `integer` (shapes, indices) or `reformat` (a copy that changes layout or
   * type and computes nothing).
   */
  readonly precision: string;
  /** The kernel chosen, where TensorRT names it. */
  readonly tactic: string | null;
  /** Type and memory layout of each tensor that it reads and writes, in TensorRT's words. */
  readonly inputs: string[];
  readonly outputs: string[];
  /** Names of the ONNX nodes fused into it; of a region that Myelin compiled, where it says no more, the first and the last. */
  readonly nodes: string[];
}

/** With the mean time of the profiler, null where it does not name the layer. */
export interface TimedLayer extends EngineLayer {
  readonly ms: number | null;
}

/** What is read of the inspector's JSON; TensorRT documents none of it as stable. */
interface InspectedLayer {
  readonly Name?: string;
  readonly LayerType?: string;
  readonly TacticName?: string;
  /** From TensorRT 8.6 on: `[ONNX Layer: conv1]`, once per node, apart by U+001E. */
  readonly Metadata?: string;
  readonly Inputs?: readonly InspectedTensor[];
  readonly Outputs?: readonly InspectedTensor[];
}

interface InspectedTensor {
  readonly 'Format/Datatype'?: string;
  readonly Datatype?: string;
  readonly Format?: string;
}

/** @param json of an engine built with detailed profiling verbosity; without, layers are bare names and have no precision */
export function engineLayers(json: string): EngineLayer[] {
  const { Layers: layers = [] } = JSON.parse(json) as { Layers?: readonly (InspectedLayer | string)[] };
  return layers
    .filter((layer) => typeof layer !== 'string')
    .map((layer) => ({
      name: layer.Name ?? '',
      type: layer.LayerType ?? '',
      precision: precisionOf(layer),
      tactic: layer.TacticName ?? null,
      inputs: (layer.Inputs ?? []).map(formatOf),
      outputs: (layer.Outputs ?? []).map(formatOf),
      nodes: nodesOf(layer),
    }));
}

/** Layers in the order of the engine, each with the profiler's time under its name. */
export function timedLayers(
  layers: readonly EngineLayer[],
  times: readonly { readonly name: string; readonly ms: number }[],
): TimedLayer[] {
  const msOf = new Map(times.map(({ name, ms }) => [name, ms]));
  return layers.map((layer) => ({ ...layer, ms: msOf.get(layer.name) ?? null }));
}

function formatOf(tensor: InspectedTensor): string {
  return tensor['Format/Datatype'] ?? [tensor.Datatype, tensor.Format].filter(Boolean).join(' ');
}

/**
 * The ONNX nodes of a layer: by the metadata that the parser gives every layer, else by its name, in which fused layers
 * stand as `conv1 + relu1` and compiled regions as `{ForeignNode[first...last]}`.
 */
function nodesOf({ Name: name = '', LayerType: type = '', Metadata: metadata = '' }: InspectedLayer): string[] {
  const named = [...metadata.matchAll(/\[ONNX Layer: ([^\]]*)\]/g)].map((match) => match[1] ?? '');
  if (named.length > 0) return [...new Set(named)];
  if (/^(Reformat|NoOp)$/i.test(type)) return [];
  const region = /\{ForeignNode\[(?<nodes>.*)\]\}/.exec(name)?.groups?.['nodes'];
  if (region !== undefined) return [...new Set(region.split('...'))];
  return name.split(' + ').filter((node) => node !== '');
}

/**
 * The type of what a layer's kernel reads: a convolution from INT8 to FP16 multiplies in INT8. TensorFloat-32 stands in
 * the name of the kernel only.
 */
function precisionOf(layer: InspectedLayer): string {
  if (/^(Reformat|NoOp)$/i.test(layer.LayerType ?? '')) return 'reformat';
  const read = (layer.Inputs ?? []).map(typeOfTensor);
  // Constants have no inputs.
  const types = read.length > 0 ? read : (layer.Outputs ?? []).map(typeOfTensor);
  // Weights of 4 bits are no arithmetic, but what is to be known of the layer.
  const precision = types.includes('int4') ? 'int4' : (types.find((type) => type !== 'integer') ?? 'integer');
  return precision === 'fp32' && /tf32/i.test(layer.TacticName ?? '') ? 'tf32' : precision;
}

const typePatterns: readonly (readonly [RegExp, string])[] = [
  [/int4/i, 'int4'],
  [/fp8|e4m3/i, 'fp8'],
  [/int8/i, 'int8'],
  [/bf16|bfloat16/i, 'bf16'],
  [/fp16|half/i, 'fp16'],
  [/fp32|float/i, 'fp32'],
];

function typeOfTensor(tensor: InspectedTensor): string {
  const words = [tensor.Datatype, tensor['Format/Datatype'], tensor.Format].filter(Boolean).join(' ');
  return typePatterns.find(([pattern]) => pattern.test(words))?.[1] ?? 'integer';
}

/**
 * Shares of layers and of time by precision.
 * @param times mean ms by layer name; layers that the profiler does not name count with no time. Empty: time unknown.
 */
export function realisedShares(
  layers: readonly EngineLayer[],
  times: readonly { readonly name: string; readonly ms: number | null }[],
): BuildSummary['realised'] {
  if (layers.length === 0) return null;
  const msOf = new Map(times.map(({ name, ms }) => [name, ms]));
  const counted = new Map<string, { layers: number; ms: number }>();
  for (const { name, precision } of layers) {
    const sum = counted.get(precision) ?? { layers: 0, ms: 0 };
    counted.set(precision, { layers: sum.layers + 1, ms: sum.ms + (msOf.get(name) ?? 0) });
  }
  const totalMs = [...counted.values()].reduce((sum, { ms }) => sum + ms, 0);
  return Object.fromEntries(
    [...counted].map(([precision, sum]) => [
      precision,
      { layers: sum.layers / layers.length, time: totalMs > 0 ? sum.ms / totalMs : null },
    ]),
  );
}
