/**
 * Which TensorRT compiles the engines of a plan, and for which architectures. Decided from the plan and the probe alone,
 * before any work is done, so that an impossible request costs nothing.
 */
import type { BackendInfo } from '../contract/backendInfo';
import { CodedError } from '../contract/errors';
import type { Plan } from '../contract/plan';
import { targetArchitectures } from '../plan/findPlatform';
import { explainTarget } from '../plan/platforms';

export interface EngineBuilder {
  readonly name: 'tensorrt' | 'tensorrt-rtx';
  /** Version of the library. */
  readonly version: string | null;
  /** Architectures as `sm_89`; null means the GPU of this machine. */
  readonly targets: readonly (string | null)[];
}

type EngineBackend = BackendInfo & { readonly name: EngineBuilder['name'] };

/**
 * @returns null when the plan asks for no engines and this machine could not run any
 * @throws CodedError BACKEND_UNAVAILABLE, TARGET_UNSUPPORTED
 */
export function chooseEngineBuilder(plan: Plan, backends: readonly BackendInfo[]): EngineBuilder | null {
  if (plan.backend === 'onnxruntime') return null;
  const engines = backends.filter((info): info is EngineBackend => info.name.startsWith('tensorrt'));
  const wanted = plan.backend === 'auto' ? engines : engines.filter((info) => info.name === plan.backend);
  const usable = wanted.filter((info) => info.available && info.builds);

  const targets = targetArchitectures(plan.targets);
  if (targets.length > 0) {
    for (const { name, version, ...info } of usable) {
      if (targets.every((target) => info.targets.includes(target))) return { name, version, targets };
      // TensorRT without RTX builds for the GPU that it finds, which may be the very one asked for.
      const own = info.runs ? info.gpu?.computeCapability : undefined;
      if (targets.every((target) => target === own)) return { name, version, targets: [null] };
    }
    const [first] = usable;
    if (first === undefined) throw unavailable(plan, wanted);
    throw unsupportedTarget(targets, first);
  }
  const local = usable.find((info) => info.runs);
  if (local !== undefined) return { name: local.name, version: local.version, targets: [null] };
  if (plan.backend === 'auto') return null;
  if (usable.length === 0) throw unavailable(plan, wanted);
  throw new CodedError({
    code: 'TARGET_UNSUPPORTED',
    reason: `The plan asks for ${plan.backend} engines, names no GPU architecture, and this machine has no GPU.`,
    fix: `Name one with --target, for example --target ${usable[0]?.targets[0] ?? 'sm_89'}.`,
    place: { field: 'targets' },
  });
}

function unavailable(plan: Plan, wanted: readonly BackendInfo[]): CodedError {
  const reasons = wanted.map((info) => `${info.name}: ${info.reason ?? 'it cannot build engines here'}`);
  return new CodedError({
    code: 'BACKEND_UNAVAILABLE',
    reason: `No TensorRT that builds engines was found. ${reasons.join(' ')}`.trim(),
    fix: 'Run `precision-bench install tensorrt-rtx`, or leave out --target and --backend to compare without engines.',
    place: { field: plan.backend === 'auto' ? 'targets' : 'backend' },
  });
}

function unsupportedTarget(targets: readonly string[], info: BackendInfo): CodedError {
  const missing = targets.filter((target) => !info.targets.includes(target));
  const notes = missing.map((target) => explainTarget(target)).filter((note) => note !== null);
  return new CodedError({
    code: 'TARGET_UNSUPPORTED',
    reason: `${info.name} ${info.version ?? ''} cannot build for ${missing.join(', ')}. ${notes.join(' ')}`.trim(),
    fix:
      info.targets.length > 0
        ? `Choose among ${info.targets.join(', ')}, or build with a TensorRT that supports ${missing.join(', ')}.`
        : 'This TensorRT builds for the GPU of the machine it runs on: leave out the target, or run on such a device.',
    place: { field: 'targets' },
  });
}
