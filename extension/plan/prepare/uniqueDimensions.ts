/**
 * Makes symbolic dimensions mean what their names say: equal names, equal sizes.
 *
 * PaddleOCR names every unknown dimension `?`; TensorRT takes equal names for equal sizes and refuses the profile. A
 * placeholder gets a name of its own wherever it stands, and so does a symbol that one shape uses twice; symbols shared
 * between inputs (`batch`) stay. Part of `prepareModel.ts`.
 */
import type { GraphProto, ValueInfoProto } from '../../model/onnx.generated';

const placeholder = /^(\?|-1|none|null|unk__\d+|unknown(_\w+)?|dyn(amic)?|dynamicdimen\w*)?$/i;

/** Edits the graph's inputs and outputs in place. */
export function uniqueDimensions(graph: GraphProto): void {
  const values = [...graph.input, ...graph.output];
  const taken = new Set(values.flatMap((value) => dimensions(value).map((dim) => dim.dimParam ?? '')));
  for (const value of values) {
    const seen = new Set<string>();
    for (const [axis, dim] of dimensions(value).entries()) {
      const symbol = dim.dimParam;
      if (dim.dimValue !== undefined && dim.dimValue >= 0) continue;
      if (symbol !== undefined && symbol !== '' && !placeholder.test(symbol) && !seen.has(symbol)) {
        seen.add(symbol);
        continue;
      }
      // A negative size is an exporter's way to say unknown.
      dim.dimValue = undefined;
      dim.dimParam = freeName(`${(value.name ?? 'tensor').replaceAll(/[^\w]/g, '_')}_dim${axis}`, taken);
    }
  }
}

function dimensions(value: ValueInfoProto) {
  return value.type?.tensorType?.shape?.dim ?? [];
}

function freeName(base: string, taken: Set<string>): string {
  let name = base;
  for (let i = 1; taken.has(name); i++) name = `${base}_${i}`;
  taken.add(name);
  return name;
}
