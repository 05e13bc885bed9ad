/**
 * The user's `keep` rules: which nodes stay in a higher precision, by name, glob or operator type.
 *
 * Rules come from the plan or the command line; the precision decisions and the Q/DQ placement both ask here first. A later
 * rule wins over an earlier one, so that a general rule can be followed by its exceptions.
 */
import type { NodeProto } from '../model/onnx.generated';
import type { ComputeType } from './precisionRules';

/** One entry of the plan's `keep`, as its schema checks it. */
export interface KeepRule {
  /** A node name, a glob over node names, or `OP:Type`. */
  readonly match: string;
  readonly precision: ComputeType;
}

/** The last rule that matches a node, or undefined. */
export function keepRuleFor(
  node: Pick<NodeProto, 'name' | 'opType'>,
  rules: readonly KeepRule[],
): KeepRule | undefined {
  return rules.findLast((rule) => matches(rule.match, node));
}

/** Rules that match no node at all: most likely a typing error, so the caller warns of them. */
export function unmatchedRules(nodes: readonly NodeProto[], rules: readonly KeepRule[]): KeepRule[] {
  return rules.filter((rule) => !nodes.some((node) => matches(rule.match, node)));
}

function matches(pattern: string, node: Pick<NodeProto, 'name' | 'opType'>): boolean {
  if (pattern.startsWith('OP:')) return globExpression(pattern.slice(3)).test(node.opType ?? '');
  const name = node.name ?? '';
  return name === pattern || globExpression(pattern).test(name);
}

const expressions = new Map<string, RegExp>();

/** `*` stands for any characters (node names use `/` freely, so it crosses them), `?` for one. */
function globExpression(glob: string): RegExp {
  let expression = expressions.get(glob);
  if (expression === undefined) {
    const source = glob
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.');
    expression = new RegExp(`^${source}$`, 's');
    expressions.set(glob, expression);
  }
  return expression;
}
