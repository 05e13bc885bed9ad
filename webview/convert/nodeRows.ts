/** The layer table's rows, from the host's list of node × precision: one row a node, what each precision does to it. */
import type { Plan } from '../../extension/contract/plan';
import type { NodePlan } from '../../extension/contract/stageMethods';

export interface NodeChoice {
  readonly variant: string;
  /** The precision that the node runs in, in that variant. */
  readonly precision: string;
  readonly reason: string;
}

export interface NodeRow {
  readonly node: string;
  readonly opType: string;
  readonly choices: readonly NodeChoice[];
}

/** In the order of the graph. Nodes of one name (unnamed ones have their outputs' names) would be one row. */
export function nodeRows(nodes: readonly NodePlan[]): NodeRow[] {
  const rows = new Map<string, { node: string; opType: string; choices: NodeChoice[] }>();
  for (const { node, opType, variant, precision, reason } of nodes) {
    const row = rows.get(node) ?? { node, opType, choices: [] };
    rows.set(node, row);
    // The baseline runs everything in FP32, which says nothing.
    if (variant !== 'fp32') row.choices.push({ variant, precision, reason });
  }
  return [...rows.values()];
}

/** Rows with every word of the search in their name, operator, precisions or reasons. */
export function searchRows(rows: readonly NodeRow[], search: string): readonly NodeRow[] {
  const words = search
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  if (words.length === 0) return rows;
  return rows.filter(({ node, opType, choices }) => {
    const text = [node, opType, ...choices.map(({ precision, reason }) => `${precision} ${reason}`)]
      .join(' ')
      .toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

/** The precision in which an entry of the plan with exactly this name keeps the node; empty when there is none. */
export function keptAs(keep: Plan['keep'], node: string): string {
  return keep.find(({ match }) => match === node)?.precision ?? '';
}
