/** Machines for the tests of `ui/`: what a probe might answer. */
import type { BackendInfo } from '../../../extension/contract/backendInfo';
import type { Machine } from '../../../extension/contract/panels/convertPanel';

/** A TensorRT(-RTX) that builds for two architectures and runs nothing, unless told otherwise. */
export function backend(name: BackendInfo['name'], more: Partial<BackendInfo> = {}): BackendInfo {
  return {
    name,
    version: '1.7.1',
    library: '/lib/x.so',
    available: true,
    reason: null,
    builds: true,
    targets: ['sm_75', 'sm_89'],
    runs: false,
    precisions: ['fp32', 'fp16', 'bf16', 'int8', 'fp8', 'int4'],
    ...more,
  };
}

export function machine({
  gpu,
  capability = '8.9',
  backends,
}: {
  gpu?: string;
  capability?: string;
  backends: BackendInfo[];
}): Machine {
  const found =
    gpu === undefined ? null : { name: gpu, computeCapability: capability, driver: '560.1', memoryBytes: 24e9 };
  const host = { os: 'Linux', cpu: 'CPU', cores: 8, gpu: found, backends: [] };
  return { host, backends: backends.map((info) => (found === null ? info : { ...info, gpu: found })) };
}
