/**
 * A platform by what a user types: `sm_87`, `8.7`, `Jetson Orin`, `NVIDIA A100-SXM4-80GB`, with a suggestion where it is none.
 *
 * Reads the tables of `platforms.ts`; used by the targets of a plan and by `probe --platform`.
 */
import { CodedError } from '../contract/errors';
import { nearestName } from '../contract/nearestName';
import type { Plan, Precision, VariantName } from '../contract/plan';
import type { Host } from '../contract/report';
import {
  checkPrecision,
  devices,
  devicesOf,
  platformOf,
  platforms,
  supports,
  type Device,
  type Platform,
} from './platforms';

/** A target of a plan, understood. */
export interface FoundPlatform {
  /** As it was typed. */
  readonly asked: string;
  readonly platform: Platform;
  /** Null where an architecture was named and not a device. */
  readonly device: Device | null;
}

/**
 * @param asked an architecture (`sm_87`, `8.7`, `87`) or a device in any usual spelling, such as CUDA's
 * @throws CodedError TARGET_UNSUPPORTED naming the nearest known
 */
export function findPlatform(asked: string): FoundPlatform {
  const architecture = architectureIn(asked);
  if (architecture !== null) {
    const platform = platformOf(architecture);
    if (platform !== undefined) return { asked, platform, device: null };
    throw unknown(
      asked,
      platforms.map(({ target }) => target),
    );
  }
  const device = findDevice(asked);
  const platform = device === null ? undefined : platformOf(device.target);
  if (platform === undefined)
    throw unknown(
      asked,
      devices.map(({ name }) => name),
    );
  return { asked, platform, device };
}

/** `sm_87`, `sm87`, `8.7` and `87` as `sm_87`; null for anything else. */
function architectureIn(asked: string): string | null {
  const match = /^\s*(?:sm_?|compute_?)?(\d{1,2})\.?(\d)\s*$/i.exec(asked);
  return match === null ? null : `sm_${match[1]}${match[2]}`;
}

function findDevice(asked: string): Device | null {
  const name = normalized(asked);
  return devices.find(({ pattern }) => pattern.test(name)) ?? null;
}

/** Lower case, words apart, glued digits parted from `rtx` and `gtx`. */
function normalized(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, ' ')
    .replace(/\b(rtx|gtx)(?=[a-z]?\d)/g, '$1 ')
    .replace(/\b(tx) (?=[12]\b)/g, '$1')
    .trim();
}

function unknown(asked: string, known: readonly string[]): CodedError {
  const words = normalized(asked);
  const nearest = nearestName(asked, known) ?? nearestName(words, known);
  return new CodedError({
    code: 'TARGET_UNSUPPORTED',
    reason: `${JSON.stringify(asked)} is no GPU architecture or device that is known here.`,
    fix:
      nearest === null
        ? `Name an architecture (${platforms.map(({ target }) => target).join(', ')}) or a device such as Jetson Orin, T4, RTX 4090.`
        : `Did you mean ${nearest}? An architecture such as sm_89 can be named, too.`,
    place: { field: 'targets' },
  });
}

/**
 * The targets of a plan as architectures, each once, in order.
 * @throws CodedError TARGET_UNSUPPORTED
 */
export function targetArchitectures(targets: readonly string[]): string[] {
  return [...new Set(targets.map((asked) => findPlatform(asked).platform.target))];
}

/**
 * Refuses a variant that none of the targets has hardware for. One that some have is built for those.
 * @throws CodedError PRECISION_UNSUPPORTED, TARGET_UNSUPPORTED
 */
export function checkTargets({ targets, precisions }: Pick<Plan, 'targets' | 'precisions'>): void {
  const found = targets.map(findPlatform);
  const [first] = found;
  if (first === undefined) return;
  for (const variant of precisions) {
    if (found.some(({ platform }) => supports(platform, variant))) continue;
    checkPrecision(first.platform.target, variant, first.device?.name);
  }
}

/**
 * Refuses a core of a deep learning accelerator where nothing that engines are built for has one.
 * @param gpu of this machine, for which engines are built without targets
 * @throws CodedError TARGET_UNSUPPORTED
 */
export function checkAccelerator(
  { targets, builder: { dla } }: Pick<Plan, 'targets' | 'builder'>,
  gpu: Pick<NonNullable<Host['gpu']>, 'name' | 'computeCapability'> | null,
): void {
  if (dla === null) return;
  const own = gpu === null ? [] : [{ asked: gpu.name, target: gpu.computeCapability, device: findDevice(gpu.name) }];
  const asked = targets.map(findPlatform).map((found) => ({ ...found, target: found.platform.target }));
  const builtFor = asked.length > 0 ? asked : own;
  const lacks = builtFor.filter(({ target, device }) => !hasAccelerator(target, device));
  const [first] = lacks;
  if (first === undefined || lacks.length < builtFor.length) return;
  const withOne = devices.filter((device) => device.dla).map(({ name }) => name);
  throw new CodedError({
    code: 'TARGET_UNSUPPORTED',
    reason: `${first.asked} (${first.target}) has no deep learning accelerator, so nothing can be built for DLA core ${dla}.`,
    fix: `Leave out --dla, or build on a device that has one: ${withOne.join(', ')}.`,
    place: { field: 'builder.dla' },
  });
}

/** An architecture has one where any of its devices has. */
function hasAccelerator(target: string, device: Device | null): boolean {
  const own = device === null ? devices.filter((known) => known.target === target) : [device];
  return own.some(({ dla }) => dla);
}

/** Those of the variants that at least one of the targets can do; all without targets. */
export function possibleVariants({ targets, precisions }: Pick<Plan, 'targets' | 'precisions'>): VariantName[] {
  const found = targets.map(findPlatform);
  return precisions.filter(
    (variant) => found.length === 0 || found.some(({ platform }) => supports(platform, variant)),
  );
}

/** What `probe --platform` answers. */
export interface PlatformAnswer extends Platform {
  readonly asked: string;
  readonly device: string | null;
  /** Devices of the architecture. */
  readonly devices: readonly string[];
  readonly dla: boolean;
  /** Precisions without hardware, of all that a GPU can have. */
  readonly missing: readonly string[];
  readonly notes: readonly string[];
}

/** @throws CodedError TARGET_UNSUPPORTED */
export function answerPlatform(asked: string): PlatformAnswer {
  const { platform, device } = findPlatform(asked);
  const { target, precisions, tf32, fp4 } = platform;
  const own = device === null ? devices.filter((known) => known.target === target) : [device];
  const names: readonly Precision[] = ['fp16', 'bf16', 'int8', 'fp8', 'int4'];
  return {
    ...platform,
    asked,
    device: device?.name ?? null,
    devices: devicesOf(target),
    dla: hasAccelerator(target, device),
    missing: [
      ...names.filter((name) => !precisions.includes(name)),
      ...(fp4 ? [] : ['fp4']),
      ...(tf32 ? [] : ['tf32']),
    ],
    notes: own.flatMap(({ note }) => note ?? []),
  };
}
