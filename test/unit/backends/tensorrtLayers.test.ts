import { describe, expect, test } from 'vitest';
import { engineLayers, realisedShares } from '../../../extension/backends/tensorrtLayers';

/** As TensorRT 10.6 wrote them of a Q/DQ graph, shortened. */
const inspected = {
  Layers: [
    {
      Name: 'QuantizeLinear_input',
      LayerType: 'Reformat',
      Inputs: [{ 'Format/Datatype': 'Row major linear FP32' }],
      Outputs: [{ 'Format/Datatype': 'Four wide channel vectorized row major Int8 format' }],
    },
    {
      Name: 'stem',
      LayerType: 'CaskConvolution',
      Inputs: [{ 'Format/Datatype': 'Four wide channel vectorized row major Int8 format' }],
      Outputs: [{ 'Format/Datatype': 'Channel major FP16 format where channel % 8 == 0' }],
      TacticName: 'sm80_xmma_fprop_first_layer_i8i8_i8i32_f32',
    },
    {
      Name: 'depthwise',
      LayerType: 'CaskConvolution',
      Inputs: [{ 'Format/Datatype': 'Channel major FP16 format where channel % 8 == 0' }],
      TacticName: 'sm50_xmma_convolution_depthwiseHMMA',
    },
    {
      Name: 'head',
      LayerType: 'CaskGemmConvolution',
      Inputs: [{ 'Format/Datatype': 'Row major linear FP32' }],
      TacticName: 'sm80_xmma_gemm_tf32f32_tf32f32_f32',
    },
    { Name: 'shape', LayerType: 'shape_call', Inputs: [], Outputs: [] },
  ],
};

describe('what an engine realised', () => {
  test('a layer has the type that its kernel reads, TF32 stands in the name of the kernel', () => {
    const precisions = engineLayers(JSON.stringify(inspected)).map(({ name, precision }) => [name, precision]);
    expect(Object.fromEntries(precisions)).toEqual({
      QuantizeLinear_input: 'reformat',
      stem: 'int8',
      depthwise: 'fp16',
      head: 'tf32',
      shape: 'integer',
    });
  });

  test('shares of layers and of time; a layer without a time counts as none', () => {
    const times = [
      { name: 'stem', ms: 3 },
      { name: 'depthwise', ms: 1 },
    ];
    const shares = realisedShares(engineLayers(JSON.stringify(inspected)), times);
    expect(shares?.['int8']).toEqual({ layers: 0.2, time: 0.75 });
    expect(shares?.['fp16']).toEqual({ layers: 0.2, time: 0.25 });
    expect(shares?.['reformat']).toEqual({ layers: 0.2, time: 0 });
  });

  test('without times the shares of time are unknown', () => {
    expect(realisedShares(engineLayers(JSON.stringify(inspected)), [])?.['int8']?.time).toBeNull();
  });

  test('an engine built without details lists names only: nothing is known', () => {
    const layers = engineLayers(JSON.stringify({ Layers: ['conv1', 'conv2'] }));
    expect(layers).toEqual([]);
    expect(realisedShares(layers, [])).toBeNull();
  });
});
