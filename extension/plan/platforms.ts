/**
 * What each GPU architecture and each device can do, and which TensorRT serves it: the tables behind target checks and
 * `probe --platform`. `findPlatform.ts` finds a row by what a user types.
 *
 * Sources:
 * - precisions and DLA: NVIDIA's TensorRT support matrix, section "hardware and precision", of 8.2.5 and 8.4.3 (compute
 *   capability 5.3–7.2), 10.0.1 (7.0 and later: "SM 7.0 or higher"), 10.14.1 and 11.4.1 (FP4, Blackwell); for DRIVE and Jetson
 *   Thor the DRIVE OS 7.0 properties, where DLA is "No". FP8 and FP4 also ModelOpt's support matrix (Ada and later, Blackwell
 *   and later).
 * - INT4, weights only: ModelOpt's support matrix (W4A16: Ampere and later); TensorRT-RTX 1.7.1 builds it for sm_80 and refuses
 *   sm_75 as lacking the type.
 * - newest TensorRT: release notes. 8.6 is the last for Maxwell and Pascal, 10.4 the last for Volta. Jetsons get theirs with
 *   JetPack: 4.6.1 has 8.2.1, 5.1 has 8.5.2.
 * - compute capabilities by device: NVIDIA's list of CUDA GPUs.
 * - TensorRT-RTX: the capabilities that library 1.7.1 names itself (`probe`).
 */
import { CodedError } from '../contract/errors';
import { precisionOf, type Precision, type VariantName } from '../contract/plan';

/** One GPU architecture. */
export interface Platform {
  /** `sm_89` */
  readonly target: string;
  readonly architecture: string;
  /** Precisions with hardware support; fp32 always. */
  readonly precisions: readonly Precision[];
  readonly tf32: boolean;
  readonly fp4: boolean;
  /** Newest TensorRT that builds for it, as major.minor or with the patch; without RTX. */
  readonly newestTensorRT: string;
  /** JetPack that carries it, for Jetsons. */
  readonly jetPack: string | null;
  /** TensorRT-RTX builds for it, on any machine. */
  readonly rtx: boolean;
}

/** A device, or a family of devices that differ in nothing of interest here. */
export interface Device {
  readonly name: string;
  readonly target: string;
  /** Matches the normalized names of the device (`findPlatform.ts`); the first device that matches is taken. */
  readonly pattern: RegExp;
  /** Has a deep learning accelerator beside the GPU. */
  readonly dla: boolean;
  /** Where sources disagree, or the device needs a word. */
  readonly note: string | null;
}

const half: readonly Precision[] = ['fp32', 'fp16'];
const turing: readonly Precision[] = [...half, 'int8'];
const ampere: readonly Precision[] = ['fp32', 'fp16', 'bf16', 'int8', 'int4'];
const ada: readonly Precision[] = [...ampere, 'fp8'];
const newest = '11.4';

function row(
  target: string,
  architecture: string,
  precisions: readonly Precision[],
  more: Partial<Platform> = {},
): Platform {
  const tf32 = precisions.includes('bf16');
  const common = { tf32, fp4: false, newestTensorRT: newest, jetPack: null, rtx: false };
  return { target, architecture, precisions, ...common, ...more };
}

export const platforms: readonly Platform[] = [
  row('sm_52', 'Maxwell', ['fp32'], { newestTensorRT: '8.6' }),
  row('sm_53', 'Maxwell', half, { newestTensorRT: '8.2.1', jetPack: '4.6.1' }),
  row('sm_60', 'Pascal', half, { newestTensorRT: '8.6' }),
  row('sm_61', 'Pascal', ['fp32', 'int8'], { newestTensorRT: '8.6' }),
  row('sm_62', 'Pascal', half, { newestTensorRT: '8.2.1', jetPack: '4.6.1' }),
  row('sm_70', 'Volta', turing, { newestTensorRT: '10.4' }),
  row('sm_72', 'Volta', turing, { newestTensorRT: '8.5.2', jetPack: '5.1' }),
  row('sm_75', 'Turing', turing, { rtx: true }),
  row('sm_80', 'Ampere', ampere, { rtx: true }),
  row('sm_86', 'Ampere', ampere, { rtx: true }),
  row('sm_87', 'Ampere', ampere, { jetPack: '7.2' }),
  row('sm_89', 'Ada Lovelace', ada, { rtx: true }),
  row('sm_90', 'Hopper', ada),
  row('sm_100', 'Blackwell', ada, { fp4: true }),
  row('sm_101', 'Blackwell', ada, { fp4: true, newestTensorRT: '10.13', jetPack: '7.0' }),
  row('sm_103', 'Blackwell', ada, { fp4: true }),
  row('sm_110', 'Blackwell', ada, { fp4: true, jetPack: '7.2' }),
  row('sm_120', 'Blackwell', ada, { fp4: true, rtx: true }),
  row('sm_121', 'Blackwell', ada, { fp4: true, rtx: true }),
];

function device(name: string, target: string, pattern: RegExp, more: Partial<Device> = {}): Device {
  return { name, target, pattern, dla: false, note: null, ...more };
}

const tx2Note =
  "torch2trt's page lists INT8 for the Jetson TX2; NVIDIA's support matrix says no for compute capability 6.2 and " +
  'platformHasFastInt8() is false there (NVIDIA/TensorRT issue 3157). NVIDIA is followed.';

/** Special names stand before the general ones that their patterns would match, too. */
export const devices: readonly Device[] = [
  device('DRIVE AGX Orin', 'sm_87', /\bdrive.*orin\b/, { dla: true }),
  device('Jetson Orin Nano', 'sm_87', /\borin nano\b/, { note: 'Unlike the other Orins it has no DLA.' }),
  device('Jetson Orin NX', 'sm_87', /\borin nx\b/, { dla: true }),
  device('Jetson AGX Orin', 'sm_87', /\bagx orin\b|\borin agx\b/, { dla: true }),
  device('Jetson Orin', 'sm_87', /\borin\b/, { dla: true, note: 'All but the Orin Nano have a DLA.' }),
  device('Jetson Xavier NX', 'sm_72', /\bxavier nx\b/, { dla: true }),
  device('Jetson AGX Xavier', 'sm_72', /\bxavier\b/, { dla: true }),
  device('Jetson AGX Thor', 'sm_110', /\bthor\b/, {
    note: 'With CUDA 12 (JetPack 7.0, DRIVE OS 7) the same GPU is sm_101.',
  }),
  device('Jetson TX2', 'sm_62', /\btx2\b/, { note: tx2Note }),
  device('Jetson TX1', 'sm_53', /\btx1\b|\btegra x1\b/),
  device('Jetson Nano', 'sm_53', /\bnano\b/),

  device('P100', 'sm_60', /\bp100\b|\bgp100\b/),
  device('P4', 'sm_61', /\bp4\b/),
  device('P40', 'sm_61', /\bp40\b/),
  device('M60', 'sm_52', /\bm60\b|\bm40\b|\bm4\b/),
  device('V100', 'sm_70', /\bv100s?\b|\bgv100\b|\btitan v\b/, {
    note: 'INT8 runs on DP4A instructions, not on tensor cores, and gains little over FP16.',
  }),
  device('T4', 'sm_75', /\bt4g?\b/),
  device('A100', 'sm_80', /\ba100x?\b|\ba800\b/),
  device('A30', 'sm_80', /\ba30x?\b/),
  device('A2', 'sm_86', /\ba2\b/),
  device('A10', 'sm_86', /\ba10g?m?\b/),
  device('A16', 'sm_86', /\ba16\b/),
  device('A40', 'sm_86', /\ba40\b/),
  device('L4', 'sm_89', /\bl4\b/),
  device('L40', 'sm_89', /\bl40g?\b/),
  device('L40S', 'sm_89', /\bl40s\b/),
  device('L20', 'sm_89', /\bl20\b|\bl2\b/),
  device('H100', 'sm_90', /\bh100\b|\bh800\b|\bh20\b/),
  device('H200', 'sm_90', /\bh200\b/),
  device('GH200', 'sm_90', /\bgh200\b/),
  device('B200', 'sm_100', /\bb200\b|\bb100\b/),
  device('GB200', 'sm_100', /\bgb200\b/),
  device('B300', 'sm_103', /\bb300\b|\bgb300\b/),
  device('GB10 (DGX Spark)', 'sm_121', /\bgb10\b|\bdgx spark\b/),

  device('RTX PRO Blackwell', 'sm_120', /\brtx pro\b/),
  device('RTX Ada Generation', 'sm_89', /\brtx \d{4} ada\b|\brtx ada\b/),
  device('RTX A series', 'sm_86', /\brtx a(?:\d{3,4}| series)\b/),
  device('Quadro RTX', 'sm_75', /\bquadro rtx\b|\btitan rtx\b|\brtx [3-8]000\b|\bt[16]00?0\b/),
  device('GeForce RTX 50 series', 'sm_120', /\brtx 50(?:[5-9]0)?\b/),
  device('GeForce RTX 40 series', 'sm_89', /\brtx 40(?:[5-9]0)?\b/),
  device('GeForce RTX 30 series', 'sm_86', /\brtx 30(?:[5-9]0)?\b/),
  device('GeForce RTX 20 series', 'sm_75', /\brtx 20(?:[5-9]0)?\b/),
  device('GeForce GTX 16 series', 'sm_75', /\bgtx 16(?:[3-6]0)?\b/),
  device('GeForce GTX 10 series', 'sm_61', /\bgtx 10(?:[1-8]0)?\b|\btitan xp?\b/),
];

/** Has an architecture the hardware for a variant? */
export function supports({ precisions, tf32 }: Platform, variant: VariantName): boolean {
  return variant === 'tf32' ? tf32 : precisions.includes(precisionOf(variant));
}

/** The platform of an architecture, or undefined when the table does not know it. */
export function platformOf(target: string): Platform | undefined {
  return platforms.find((platform) => platform.target === target);
}

/** Names of an architecture's devices. */
export function devicesOf(target: string): string[] {
  return devices.filter((known) => known.target === target).map(({ name }) => name);
}

/**
 * One sentence on an architecture: its devices and the TensorRT that serves them, for messages that refuse it as a
 * target. Null when the table does not know it.
 */
export function explainTarget(target: string): string | null {
  const platform = platformOf(target);
  if (platform === undefined) return null;
  const { newestTensorRT, jetPack } = platform;
  const where = namedTarget(target);
  if (newestTensorRT === newest) return `${where} is served by TensorRT ${newestTensorRT} on such a device.`;
  const major = newestTensorRT.split('.')[0] ?? newestTensorRT;
  const carrier = jetPack === null ? '' : `, from JetPack ${jetPack}`;
  return `${where} needs TensorRT ${major}: the newest for it is ${newestTensorRT}${carrier}.`;
}

/**
 * Refuses a precision that an architecture has no hardware for, before any work is done. Architectures that the table
 * does not know are left to the builder.
 *
 * @param asked how the user named the architecture, where not by its number
 * @throws CodedError PRECISION_UNSUPPORTED with the precisions that work there
 */
export function checkPrecision(target: string, variant: VariantName, asked: string = target): void {
  const platform = platformOf(target);
  if (platform === undefined || supports(platform, variant)) return;
  const precision = precisionOf(variant);
  const where = asked === target ? namedTarget(target) : `${asked} (${target})`;
  const notes = devices.filter(({ note, ...known }) => known.target === target && precision === 'int8' && note);
  throw new CodedError({
    code: 'PRECISION_UNSUPPORTED',
    reason: [
      `${where} has no ${(variant === 'tf32' ? variant : precision).toUpperCase()} hardware, so no ${variant} engine can be built for it.`,
      ...notes.map(({ note }) => note),
    ].join(' '),
    fix: `${nearestPrecision(platform, precision)} ${nearestDevice(platform, variant)}`.trim(),
    place: { field: 'targets' },
  });
}

/** The reduced precision that works there and is nearest to the one asked for. */
function nearestPrecision({ precisions, target }: Platform, asked: Precision): string {
  const nearest = (['int8', 'fp8', 'fp16', 'bf16'] as const).find((name) => precisions.includes(name));
  const order: Partial<Record<Precision, readonly Precision[]>> = {
    bf16: ['fp16'],
    fp8: ['int8', 'fp16'],
    int4: ['int8', 'fp16'],
  };
  const instead = order[asked]?.find((name) => precisions.includes(name)) ?? nearest ?? 'fp32';
  return `Use ${instead} on ${target} (${list(precisions)} work there).`;
}

/** The oldest architecture of the same kind of device that has the precision. */
function nearestDevice(platform: Platform, asked: VariantName): string {
  const isJetson = platform.jetPack !== null;
  const able = platforms.filter((other) => supports(other, asked) && isJetson === (other.jetPack !== null));
  const number = (target: string): number => Number(target.replace('sm_', ''));
  const next = able.find(({ target }) => number(target) > number(platform.target)) ?? able[0];
  const [example] = next === undefined ? [] : devicesOf(next.target);
  if (next === undefined || example === undefined) return '';
  return `The nearest ${isJetson ? 'Jetson' : 'GPU'} with ${asked} is ${example} (${next.target}).`;
}

function namedTarget(target: string): string {
  const names = devicesOf(target);
  return names.length === 0 ? target : `${target} (${list(names)})`;
}

function list(words: readonly string[]): string {
  return new Intl.ListFormat('en', { type: 'conjunction' }).format(words);
}
