import { describe, expect, test } from 'vitest';
import { engineLayers, realisedShares, timedLayers } from '../../../extension/backends/tensorrtLayers';

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

  test('a product that reads weights of 4 bits is told by them, whatever it computes in', () => {
    const layer = {
      ...{ Name: 'gemm', LayerType: 'gemm' },
      Inputs: [{ 'Format/Datatype': 'Row major linear FP16 format' }, { 'Format/Datatype': 'Row major Int4 format' }],
    };
    expect(engineLayers(JSON.stringify({ Layers: [layer] }))[0]?.precision).toBe('int4');
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

  test('layers lead back to the nodes of the ONNX file', () => {
    const nodesOf = (layer: object) => engineLayers(JSON.stringify({ Layers: [layer] }))[0]?.nodes;
    // TensorRT 10: the parser's metadata, whatever the builder made of the name.
    const Metadata = '[ONNX Layer: /stem/conv]\u001e[ONNX Layer: /stem/relu]\u001e[ONNX Layer: /stem/conv]';
    expect(nodesOf({ Name: 'fused_1', LayerType: 'CaskConvolution', Metadata })).toEqual(['/stem/conv', '/stem/relu']);
    // TensorRT 8.2: names only.
    expect(nodesOf({ Name: 'conv1 + relu1', LayerType: 'CaskConvolution' })).toEqual(['conv1', 'relu1']);
    expect(nodesOf({ Name: '{ForeignNode[/a/MatMul.../b/Add_2]}', LayerType: 'Myelin' })).toEqual([
      '/a/MatMul',
      '/b/Add_2',
    ]);
    expect(nodesOf({ Name: 'Reformatting CopyNode for Input Tensor 0 to conv1', LayerType: 'Reformat' })).toEqual([]);
  });

  test('each layer has the types and layouts of its tensors, and its time', () => {
    const layers = timedLayers(engineLayers(JSON.stringify(inspected)), [{ name: 'stem', ms: 0.25 }]);
    expect(layers.find(({ name }) => name === 'stem')).toMatchObject({
      inputs: ['Four wide channel vectorized row major Int8 format'],
      outputs: ['Channel major FP16 format where channel % 8 == 0'],
      ms: 0.25,
    });
    expect(layers.find(({ name }) => name === 'head')?.ms).toBeNull();
  });
});
