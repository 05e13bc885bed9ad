/**
 * What each GPU architecture can do and which TensorRT serves it: the table behind target checks and `probe`.
 *
 * Sources: NVIDIA's TensorRT support matrices (8.4 for the early Jetsons, 11.4.1 for the rest), the supported SM list
 * of TensorRT 11's build files, ModelOpt's support matrix for FP8/FP4, JetPack release notes for the newest TensorRT of
 * each Jetson. INT8 on sm_53 and sm_62: torch2trt's page says otherwise for TX2, but `platformHasFastInt8()` is false there
 * and Q/DQ networks do not build (NVIDIA/TensorRT issue 3157).
 */
import { CodedError } from '../contract/errors';
import type { Precision } from '../contract/plan';

export interface Platform {
  /** `sm_89` */
  readonly target: string;
  readonly devices: readonly string[];
  /** Precisions with hardware support; fp32 always. */
  readonly precisions: readonly Precision[];
  /** Has a deep learning accelerator beside the GPU. */
  readonly dla: boolean;
  /** Newest TensorRT major.minor (patch) that builds for it, without RTX. */
  readonly newestTensorRT: string;
  /** JetPack that carries it, for Jetsons. */
  readonly jetPack: string | null;
}

const half: readonly Precision[] = ['fp32', 'fp16'];
const turing: readonly Precision[] = [...half, 'int8'];
const ampere: readonly Precision[] = ['fp32', 'fp16', 'bf16', 'int8'];
const ada: readonly Precision[] = [...ampere, 'fp8'];
const newest = '11.4';

function row(
  target: string,
  devices: readonly string[],
  precisions: readonly Precision[],
  more: Partial<Platform> = {},
): Platform {
  return { target, devices, precisions, dla: false, newestTensorRT: newest, jetPack: null, ...more };
}

export const platforms: readonly Platform[] = [
  row('sm_53', ['Jetson Nano', 'Jetson TX1'], half, { newestTensorRT: '8.2.1', jetPack: '4.6' }),
  row('sm_62', ['Jetson TX2'], half, { newestTensorRT: '8.2.1', jetPack: '4.6' }),
  row('sm_72', ['Jetson Xavier NX', 'Jetson AGX Xavier'], turing, {
    dla: true,
    newestTensorRT: '8.5',
    jetPack: '5.1',
  }),
  row('sm_75', ['T4', 'GeForce RTX 20'], turing),
  row('sm_80', ['A100', 'A30'], ampere),
  row('sm_86', ['A10', 'A40', 'GeForce RTX 30'], ampere),
  row('sm_87', ['Jetson Orin'], ampere, { dla: true, jetPack: '7.2' }),
  row('sm_89', ['L4', 'L40', 'GeForce RTX 40'], ada),
  row('sm_90', ['H100', 'H200'], ada),
  row('sm_100', ['B200'], ada),
  row('sm_101', ['Jetson Thor with CUDA 12'], ada, { newestTensorRT: '10.13', jetPack: '7.0' }),
  row('sm_110', ['Jetson Thor'], ada, { jetPack: '7.2' }),
  row('sm_120', ['GeForce RTX 50', 'RTX PRO Blackwell'], ada),
  row('sm_121', ['GB10'], ada),
];

/** The platform of an architecture, or undefined when the table does not know it. */
export function platformOf(target: string): Platform | undefined {
  return platforms.find((platform) => platform.target === target);
}

/**
 * One sentence on an architecture: its devices and the TensorRT that serves them, for messages that refuse it as a
 * target. Null when the table does not know it.
 */
export function explainTarget(target: string): string | null {
  const platform = platformOf(target);
  if (platform === undefined) return null;
  const { devices, newestTensorRT, jetPack } = platform;
  const names = list(devices);
  if (newestTensorRT === newest)
    return `${target} (${names}) is served by TensorRT ${newestTensorRT} on such a device.`;
  const major = newestTensorRT.split('.')[0] ?? newestTensorRT;
  const carrier = jetPack === null ? '' : `, from JetPack ${jetPack}`;
  return `${target} (${names}) needs TensorRT ${major}: the newest for it is ${newestTensorRT}${carrier}.`;
}

/**
 * Refuses a precision that an architecture has no hardware for, before any work is done. Architectures that the table
 * does not know are left to the builder.
 *
 * @throws CodedError PRECISION_UNSUPPORTED with the precisions that work there
 */
export function checkPrecision(target: string, precision: Precision): void {
  const platform = platformOf(target);
  if (platform === undefined || platform.precisions.includes(precision)) return;
  const names = list(platform.devices);
  throw new CodedError({
    code: 'PRECISION_UNSUPPORTED',
    reason: `${target} (${names}) has no ${precision.toUpperCase()} hardware, so no ${precision} engine can be built for it.`,
    fix: `Leave out ${precision} or ${target}; ${list(platform.precisions)} work there.`,
    place: { field: 'targets' },
  });
}

function list(words: readonly string[]): string {
  return new Intl.ListFormat('en', { type: 'conjunction' }).format(words);
}
