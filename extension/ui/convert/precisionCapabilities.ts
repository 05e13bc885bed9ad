/**
 * What each precision can do with a plan on a machine: why a check box of the convert panel is disabled, and what to expect of
 * the others. From the plan, the probe and the platform table alone, so it costs nothing. Pure.
 */
import { chooseEngineBuilder, type EngineBuilder } from '../../build/chooseEngineBuilder';
import { typingsOf } from '../../build/variantRecipes';
import type { BackendInfo } from '../../contract/backendInfo';
import { CodedError } from '../../contract/errors';
import type { PrecisionCapability } from '../../contract/panels/convertPanel';
import { precisionOf, variantNames, type Plan, type Precision, type VariantName } from '../../contract/plan';
import { listText } from '../../contract/quantities';
import { findPlatform } from '../../plan/findPlatform';
import { devicesOf, platformOf } from '../../plan/platforms';
import { t } from '../l10n';

/** One entry per variant that a plan can name, in their usual order. */
export function precisionCapabilities(plan: Plan, backends: readonly BackendInfo[]): PrecisionCapability[] {
  const outlook = outlookOf(plan, backends);
  return variantNames.map((variant) => ({ precision: variant, ...capability(variant, outlook, backends) }));
}

/** What will be done with the plan, whatever the precision. */
interface Outlook {
  /** Null: no engines. */
  readonly builder: EngineBuilder | null;
  /** Why there are none, where they were asked for. */
  readonly refusal: string | null;
  /** Architectures that engines are for, this machine's GPU among them; empty when they cannot be told. */
  readonly architectures: readonly string[];
}

function outlookOf(plan: Plan, backends: readonly BackendInfo[]): Outlook {
  const own = ownArchitecture(backends);
  const asked = plan.targets.flatMap((target) => architectureOf(target) ?? []);
  const architectures = asked.length > 0 ? asked : own === null ? [] : [own];
  try {
    return { builder: chooseEngineBuilder(plan, backends), refusal: null, architectures };
  } catch (error) {
    if (!CodedError.is(error)) throw error;
    return { builder: null, refusal: error.reason, architectures };
  }
}

function capability(
  variant: VariantName,
  { builder, refusal, architectures }: Outlook,
  backends: readonly BackendInfo[],
): Omit<PrecisionCapability, 'precision'> {
  const precision = precisionOf(variant);
  const missing = missingHardware(precision, architectures);
  if (missing !== null) return { state: 'unsupported', reason: missing };
  const weak = variant !== precision && variant !== 'tf32';
  if (weak && !servesWeakTyping(builder, backends)) {
    return {
      state: 'unsupported',
      reason: t('Only TensorRT 8 and 10 can build this; neither is what would build here.'),
    };
  }
  if (precision === 'int4' && builder !== null && !typingsOf(builder).includes('strong')) {
    return { state: 'unsupported', reason: t('TensorRT 8 has no INT4 weights; it takes TensorRT 10 or newer.') };
  }
  if (builder === null) {
    const reason = refusal ?? t('Compared on the processor: no TensorRT with a GPU here, and no target chosen.');
    return { state: 'simulated', reason };
  }
  const version = backends.find(({ name }) => name === builder.name)?.version ?? '';
  const name = `${builder.name === 'tensorrt' ? 'TensorRT' : 'TensorRT-RTX'} ${version}`.trim();
  if (builder.targets.some((target) => target === null)) {
    return { state: 'runs', reason: t('{0} builds engines and measures them on this GPU.', name) };
  }
  const able = architectures.filter((target) => hasHardware(target, precision));
  return {
    state: 'builds',
    reason: t('{0} builds engines for {1}; accuracy is compared on the processor.', name, listText(able)),
  };
}

/** Why no engine of a precision can be built for any of the architectures; null when one can be, or none is named. */
function missingHardware(precision: Precision, architectures: readonly string[]): string | null {
  const [first] = architectures;
  if (first === undefined || architectures.some((target) => hasHardware(target, precision))) return null;
  const devices = listText(devicesOf(first).slice(0, 3));
  const where = devices === '' ? first : `${first} (${devices})`;
  return t('{0} has no {1} hardware.', where, precision.toUpperCase());
}

/** The same for the targets of a plan, which can be told without knowing the machine. */
export function missingOnTargets(plan: Plan, variant: VariantName): string | null {
  const architectures = plan.targets.flatMap((target) => architectureOf(target) ?? []);
  return missingHardware(precisionOf(variant), architectures);
}

function servesWeakTyping(builder: EngineBuilder | null, backends: readonly BackendInfo[]): boolean {
  if (builder?.name !== 'tensorrt') return false;
  const version = backends.find(({ name }) => name === builder.name)?.version ?? '';
  return /^(8|10)\./.test(version);
}

/** Architectures that the table does not know are left to the builder. */
function hasHardware(target: string, precision: Precision): boolean {
  return platformOf(target)?.precisions.includes(precision) ?? true;
}

function ownArchitecture(backends: readonly BackendInfo[]): string | null {
  const capability = backends.find(({ gpu }) => gpu != null)?.gpu?.computeCapability;
  return capability === undefined ? null : `sm_${capability.replace(/^sm_/, '').replace('.', '')}`;
}

/** Null for a name that is no target; the plan's own check says so. */
function architectureOf(target: string): string | null {
  try {
    return findPlatform(target).platform.target;
  } catch (error) {
    if (CodedError.is(error)) return null;
    throw error;
  }
}
