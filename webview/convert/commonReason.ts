/** What most precisions have in common, so that it is said once and not on every line. */
import type { PrecisionCapability } from '../../extension/contract/panels/convertPanel';

/** The reason that at least two of the precisions share, the most frequent; null when all differ. */
export function commonReason(capabilities: readonly PrecisionCapability[]): string | null {
  const counts = new Map<string, number>();
  for (const { reason } of capabilities) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const [reason, count] = [...counts].sort(([, a], [, b]) => b - a)[0] ?? ['', 0];
  return count >= 2 ? reason : null;
}
