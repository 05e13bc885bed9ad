/** The engine editor's host of the playground. `?scenario=` one of default, runs, noPassport, bigEngine. */
import type { EnginePassport, PassportLayer } from '../../extension/contract/enginePassport';
import type {
  EngineContents,
  EngineFit,
  EngineHostSide,
  EnginePageSide,
} from '../../extension/contract/panels/engineViewer';
import { startFakeHost } from './fakeHost';

const scenario = new URLSearchParams(location.search).get('scenario') ?? 'default';
const sha256 = '3f79bb7b435b05321651daefd374cdc681dc06faa65e374e38337b88ca046dea';

function layers(count: number): PassportLayer[] {
  const types = ['CaskConvolution', 'PointWise', 'Reformat', 'MatMul', 'SoftMax'];
  return Array.from({ length: count }, (_, index): PassportLayer => {
    const type = types[index % types.length] ?? 'Reformat';
    const precision = type === 'CaskConvolution' ? 'int8' : type === 'SoftMax' ? 'fp32' : 'fp16';
    return {
      name: `/layer${Math.floor(index / 5)}/${type}_${index} + PWN(/layer${Math.floor(index / 5)}/Relu)`,
      type,
      precision,
      tactic: type === 'CaskConvolution' ? 'sm80_xmma_fprop_implicit_gemm_interleaved_i8i8' : null,
      inputs: ['Int8 NC/32HW32 [8,64,56,56]'],
      outputs: ['Half row-major linear [8,64,56,56]'],
      nodes: [`/layer${Math.floor(index / 5)}/Conv`, `/layer${Math.floor(index / 5)}/Relu`],
      ms: index % 7 === 6 ? null : 0.004 + ((index * 37) % 23) / 500,
    };
  });
}

const passport: EnginePassport = {
  schemaVersion: 1,
  createdAt: '2026-11-23T10:15:00.000Z',
  engine: { file: 'efficientnet-lite0.int8.sm_89.engine', bytes: 6_815_744, sha256 },
  tensorrt: { backend: 'tensorrt', flavour: '10', version: '10.13.3.9' },
  gpu: { name: 'NVIDIA L4', computeCapability: 'sm_89', driver: 'CUDA 13.0', memoryBytes: 24 * 2 ** 30 },
  targets: [],
  versionCompatible: false,
  hardwareCompatible: false,
  model: {
    file: 'efficientnet-lite0.int8.onnx',
    sha256: '62c66a7a5dd70c3146618063c344e531e6d4b59e379808443ce962b3abd63c5a',
  },
  plan: { sha256: '9b871512327c09ce91dd649b3f96a63b7408ef267c8cc5710114e629730cb61f' },
  precision: 'int8',
  typing: 'strong',
  bindings: [
    { name: 'input', direction: 'input', dtype: 'fp32', formats: [], shape: [null, 3, 224, 224], kind: 'data' },
    { name: 'sizes', direction: 'input', dtype: 'int64', formats: ['linear'], shape: [2], kind: 'shape' },
    {
      name: 'logits',
      direction: 'output',
      dtype: 'fp16',
      formats: ['linear', 'chw4'],
      shape: [null, 1000],
      kind: 'data',
    },
  ],
  profiles: [
    [
      { input: 'input', holds: 'sizes', min: [1, 3, 224, 224], opt: [8, 3, 224, 224], max: [32, 3, 224, 224] },
      { input: 'sizes', holds: 'values', min: [224, 224], opt: [224, 224], max: [448, 448] },
    ],
  ],
  layers: layers(scenario === 'bigEngine' ? 4000 : 60),
};

const contents: EngineContents = {
  path: '/home/ada/models/efficientnet-lite0-trt/efficientnet-lite0.int8.sm_89.engine',
  bytes: 6_815_744,
  sha256,
  passport: scenario === 'noPassport' ? null : passport,
  warning: null,
  report: '/home/ada/models/efficientnet-lite0-trt/report.json',
  onnx: '/home/ada/models/efficientnet-lite0-trt/efficientnet-lite0.int8.onnx',
};

const runs: EngineFit = {
  runsHere: true,
  reason: 'TensorRT 10.13.3 and an NVIDIA L4 are here, as when it was built.',
  differences: [],
};
const differs: EngineFit = {
  runsHere: false,
  reason: 'The engine is for sm_89, and this machine has no GPU.',
  differences: [
    { field: 'GPU', engine: 'NVIDIA L4', here: 'none', matters: true },
    { field: 'TensorRT version', engine: '10.13.3.9', here: '10.14.1.48', matters: true },
    { field: 'Driver', engine: 'CUDA 13.0', here: 'CUDA 13.1', matters: false },
  ],
};

startFakeHost<EngineHostSide, EnginePageSide>(() => ({
  load: () => contents,
  compareWithMachine: () => (scenario === 'runs' ? runs : differs),
  rebuild: () => null,
  reveal: () => null,
  openReport: () => null,
  openPassport: () => null,
}));
