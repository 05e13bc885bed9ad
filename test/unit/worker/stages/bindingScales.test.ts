import { describe, expect, it } from 'vitest';
import { newGraph, newModel, newStringStringEntry } from '../../../../extension/model/onnx.generated';
import { bindingScales, dequantizedOutputs } from '../../../../extension/worker/stages/bindingScales';

const model = (entries: Record<string, string>) => {
  const metadataProps = Object.entries(entries).map(([key, value]) => newStringStringEntry({ key, value }));
  const graph = newGraph({ name: 'g' });
  return { proto: { ...newModel({ metadataProps }), graph }, path: 'm.onnx' };
};

describe('scales of INT8 bindings', () => {
  it('are read from the model, whatever the name of the binding holds', () => {
    const entries = { 'precision-bench.binding.a.b/c:0.scale': '0.125', 'precision-bench.other': '1', author: 'x' };
    expect(bindingScales(model(entries))).toEqual({ 'a.b/c:0': 0.125 });
  });

  it('turn INT8 outputs into values, and leave others alone', () => {
    const int8 = { dtype: 'int8' as const, dims: [2], data: Int8Array.of(-4, 8) };
    const ids = { dtype: 'int64' as const, dims: [1], data: BigInt64Array.of(3n) };
    const outputs = dequantizedOutputs({ y: int8, raw: int8, ids }, { y: 0.5 });
    expect(outputs['y']).toEqual({ dtype: 'fp32', dims: [2], data: Float32Array.of(-2, 4) });
    expect(outputs['raw']).toBe(int8);
    expect(outputs['ids']).toBe(ids);
  });
});
