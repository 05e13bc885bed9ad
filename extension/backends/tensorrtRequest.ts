/** A build request as the native module takes it. Used by `tensorrt.ts`. */
import type { BuildRequest } from './backend';
import type { NativeBuildRequest, NativeProfileInput } from './nativeAddon';

/**
 * @param computeCapabilities those to build for; empty: the GPU of this machine
 * @param timingCache a file, or empty
 */
export function nativeBuildRequest(
  request: BuildRequest,
  computeCapabilities: readonly number[],
  timingCache: string,
): NativeBuildRequest {
  const { builder, precision, typing = 'strong' } = request;
  return {
    onnx: request.onnx,
    engine: request.engine,
    profiles: nativeProfiles(request),
    computeCapabilities,
    optimizationLevel: builder.optimizationLevel,
    workspaceBytes: builder.workspaceMiB === null ? -1 : builder.workspaceMiB * 2 ** 20,
    dlaCore: builder.dla ?? -1,
    gpuFallback: request.gpuFallback ?? true,
    tf32: builder.tf32,
    versionCompatible: builder.versionCompatible,
    hardwareCompatible: builder.hardwareCompatible,
    typing,
    // An INT8 or FP8 engine falls back to FP16 where that is faster, as every TensorRT recipe has it.
    allowFp16: precision === 'fp16' || precision === 'int8' || precision === 'fp8',
    allowBf16: precision === 'bf16',
    allowInt8: precision === 'int8',
    allowFp8: precision === 'fp8',
    layerPrecisions: Object.entries(request.layerPrecisions ?? {}).map(([layer, dtype]) => ({ layer, dtype })),
    constraints: request.constraints ?? 'obey',
    io: Object.entries(request.io ?? {}).map(([name, { dtype = '', formats = [] }]) => ({ name, dtype, formats })),
    calibrator: null,
    timingCache,
  };
}

/** A network without inputs of unknown size needs no profile. */
function nativeProfiles(request: BuildRequest): NativeProfileInput[][] {
  const values = Object.entries(request.shapeValues ?? {}).map(([name, range]) => ({
    name,
    holdsValues: true,
    ...range,
  }));
  return [request.shapes, ...(request.moreProfiles ?? [])]
    .map((shapes) => Object.entries(shapes).map(([name, range]) => ({ name, holdsValues: false, ...range })))
    .map((inputs) => [...inputs, ...values])
    .filter((inputs) => inputs.length > 0);
}
