/** What an engine's layers say together: shares by precision, and the order and selection of the table. Pure. */
import type { PassportLayer } from '../../extension/contract/enginePassport';

export type LayerOrder = 'engine' | 'time';

/** Layers with every word of the search in their name, type, precision, tactic or nodes. */
export function searchLayers(layers: readonly PassportLayer[], search: string): readonly PassportLayer[] {
  const words = search
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  if (words.length === 0) return layers;
  return layers.filter(({ name, type, precision, tactic, nodes }) => {
    const text = [name, type, precision, tactic ?? '', ...nodes].join(' ').toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

/** Slowest first; layers without a time come last, in the engine's order. */
export function orderLayers(layers: readonly PassportLayer[], order: LayerOrder): readonly PassportLayer[] {
  if (order === 'engine') return layers;
  return [...layers].sort((a, b) => (b.ms ?? -1) - (a.ms ?? -1));
}

export interface PrecisionShare {
  readonly precision: string;
  readonly layers: number;
  /** Milliseconds of its layers; null when no layer was timed. */
  readonly ms: number | null;
}

/** Most layers first. */
export function sharesByPrecision(layers: readonly PassportLayer[]): PrecisionShare[] {
  const timed = layers.some(({ ms }) => ms !== null);
  const shares = new Map<string, { layers: number; ms: number }>();
  for (const { precision, ms } of layers) {
    const share = shares.get(precision) ?? { layers: 0, ms: 0 };
    shares.set(precision, { layers: share.layers + 1, ms: share.ms + (ms ?? 0) });
  }
  return [...shares]
    .map(([precision, share]) => ({ precision, layers: share.layers, ms: timed ? share.ms : null }))
    .sort((a, b) => b.layers - a.layers);
}

/** Sum of the layers' times, or null when none was timed. */
export function totalMs(layers: readonly PassportLayer[]): number | null {
  const times = layers.flatMap(({ ms }) => (ms === null ? [] : [ms]));
  return times.length === 0 ? null : times.reduce((sum, ms) => sum + ms, 0);
}
