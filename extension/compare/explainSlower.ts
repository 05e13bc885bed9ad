/**
 * Why a variant whose types come from the graph is slower than what TensorRT makes of the model by itself, where it is: FP16
 * against the FP16 engine of the optimizer's choice, INT8 by Q/DQ against the faster of implicit INT8 and FP16.
 *
 * Part of `verdict.ts`, which recommends the faster one. The reason is read off the realised shares: types and reformats that
 * take more time than in the rival, and what the plan kept in a higher precision.
 */
import { listText, millisecondsText, percentText, pluralText, ratioText } from '../contract/quantities';
import { isGpuLatency } from '../contract/reportQueries';
import type { Variant } from '../contract/report';

/** Beyond this ratio of medians it has to be explained. */
const noticeableRatio = 1.02;

/** Of the time that is lost, a part below this share explains nothing. */
const tellingShare = 0.15;

/** One sentence or two for every variant that its rival beats by more than 2 % on this GPU. */
export function explainSlower(variants: readonly Variant[], device: string): string[] {
  const timed = variants.flatMap((variant) => {
    const { latency, status } = variant;
    return status === 'ok' && isGpuLatency(latency) && latency.device === device
      ? [{ variant, ms: latency.medianMs }]
      : [];
  });
  return timed.flatMap((own) => {
    if (own.variant.build?.typing !== 'strong') return [];
    const rivals = timed.filter(({ variant }) => isRival(variant, own.variant));
    const [rival] = rivals.sort((a, b) => a.ms - b.ms);
    if (rival === undefined || own.ms <= noticeableRatio * rival.ms) return [];
    return [[headline(own, rival), lostTime(own, rival), keptNodes(own.variant)].filter(Boolean).join(' ')];
  });
}

interface Timed {
  readonly variant: Variant;
  /** Median. */
  readonly ms: number;
}

function isRival(rival: Variant, own: Variant): boolean {
  const isWeak = rival.build?.typing === 'weak';
  if (own.precision === 'int8') return rival.precision === 'fp16' || (rival.precision === 'int8' && isWeak);
  return own.precision !== 'fp32' && rival.precision === own.precision && isWeak;
}

const upper = ({ name }: Variant): string => name.toUpperCase();

function headline(own: Timed, rival: Timed): string {
  const times = `${millisecondsText(own.ms)} against ${millisecondsText(rival.ms)}`;
  return `${upper(own.variant)} takes ${ratioText(own.ms / rival.ms)} the time of ${upper(rival.variant)} (${times}).`;
}

/** What the profile of the layers says of the difference: types that take more time, the largest loss first. */
function lostTime(own: Timed, rival: Timed): string {
  const [spent, rivals] = [shares(own.variant), shares(rival.variant)];
  if (spent === null || rivals === null) return 'Its layers were not profiled, so the reason is not known.';
  const lost = own.ms - rival.ms;
  // Layers of the precision that only this variant has stand in for others of the rival; that is no loss.
  const substitute = rival.variant.precision === own.variant.precision ? null : own.variant.precision;
  const parts = [...spent]
    .filter(([type]) => type !== substitute)
    .map(([type, share]) => ({ type, share, there: rivals.get(type) ?? 0 }))
    .map((part) => ({ ...part, more: part.share * own.ms - part.there * rival.ms }))
    .filter(({ more }) => more > tellingShare * lost)
    .sort((a, b) => b.more - a.more);
  if (parts.length === 0) return 'No type of layer takes more of its time; other kernels were chosen.';
  const texts = parts.map(
    ({ type, share, there, more }) =>
      `${what(type)} (${millisecondsText(more)} more: ${percentText(share, 0)} of its time, ${percentText(there, 0)} there)`,
  );
  return `By the profile of its layers it loses the time in ${listText(texts)}.`;
}

function what(type: string): string {
  return type === 'reformat' ? 'conversions between types and memory layouts' : `${type.toUpperCase()} layers`;
}

/** Share of the time by realised type, or null where the engine was not profiled. */
function shares({ build }: Variant): Map<string, number> | null {
  const realised = Object.entries(build?.realised ?? {});
  if (realised.length === 0 || realised.some(([, { time }]) => time === null)) return null;
  return new Map(realised.map(([type, { time }]) => [type, time ?? 0]));
}

/** Nodes that the plan kept in a higher precision, by the most frequent reason. */
function keptNodes({ decisions, precision }: Variant): string {
  const kept = decisions.filter((decision) => decision.precision !== precision);
  const byReason = new Map<string, number>();
  for (const { reason } of kept) byReason.set(reason, (byReason.get(reason) ?? 0) + 1);
  const [most] = [...byReason].sort((a, b) => b[1] - a[1]);
  if (most === undefined) return '';
  const [reason, count] = most;
  const all = pluralText(kept.length, 'node');
  const why = count === kept.length ? reason : `${count} of them because: ${reason}`;
  return `The plan keeps ${all} in a higher precision; ${why.replace(/\.$/, '')}.`;
}
