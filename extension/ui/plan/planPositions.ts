/** Where a JSON pointer lies in the text of a plan file, for diagnostics. Pure. */
import { findNodeAtLocation, parseTree, type Node } from 'jsonc-parser';

export interface TextRange {
  /** Offsets into the text. */
  readonly start: number;
  readonly end: number;
}

/**
 * @param pointer as `/calibration/samples`
 * @returns the range of the value; of an object or array its key alone, since the whole of it would be underlined; where
 *   the pointer's value is not written, the range of the nearest parent that is
 */
export function rangeOfPointer(text: string, pointer: string): TextRange {
  const root = parseTree(text, undefined, { allowTrailingComma: true });
  if (root === undefined) return { start: 0, end: text.length };
  const keys = pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  for (let length = keys.length; length > 0; length--) {
    const node = find(root, keys.slice(0, length));
    if (node !== undefined) return rangeOf(node);
  }
  // The opening brace alone.
  return { start: root.offset, end: root.offset + 1 };
}

function find(root: Node, keys: readonly string[]): Node | undefined {
  let node: Node | undefined = root;
  for (const key of keys) {
    if (node === undefined) return undefined;
    node = findNodeAtLocation(node, [node.type === 'array' ? Number(key) : key]);
  }
  return node;
}

function rangeOf(node: Node): TextRange {
  const key = node.parent?.type === 'property' ? node.parent.children?.[0] : undefined;
  const shown = (node.type === 'object' || node.type === 'array') && key !== undefined ? key : node;
  return { start: shown.offset, end: shown.offset + Math.max(1, shown.length) };
}
