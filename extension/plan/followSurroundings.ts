/** The last step of `decidePrecisions.ts`: nodes without arithmetic of their own go with their neighbours. */
import type { GraphIndex } from '../model/graphIndex';
import type { NodeProto } from '../model/onnx.generated';
import type { DecideOptions, NodePrecision } from './decidePrecisions';
import { keepRuleFor } from './keepRules';
import * as rules from './precisionRules';

/**
 * Operators that only move or compare elements take the precision of their surroundings: inside an FP32 region they stay
 * FP32 (two casts fewer, nothing rounded), and comparisons never round what they compare.
 */
export function followSurroundings(
  index: GraphIndex,
  bodyInputs: ReadonlySet<string>,
  nodes: Map<NodeProto, NodePrecision>,
  options: DecideOptions,
): void {
  const isFp32 = (node: NodeProto | undefined) => node !== undefined && nodes.get(node)?.dtype === 'fp32';
  const followers = [...nodes].filter(
    ([node, decision]) =>
      decision.reason === null && decision.dtype === options.low && keepRuleFor(node, options.keep) === undefined,
  );
  /** What lies in FP32 between the last heavy layer and a recurrent one. */
  const loopFeeders = new Set<NodeProto>();
  for (let changed = true; changed;) {
    changed = false;
    for (const [node] of followers) {
      if (nodes.get(node)?.dtype === 'fp32') continue;
      const producers = node.input
        .map((name) => index.producer(name))
        .filter((made) => made !== undefined && nodes.has(made));
      const entersFp32 = node.input.some((name) => bodyInputs.has(name));
      const fromFp32 = (producers.length > 0 || entersFp32) && producers.every(isFp32);
      const compares = rules.comparingOperators.has(node.opType ?? '');
      const users = node.output.flatMap((name) => index.consumers(name).map((use) => use.node));
      const leavesFp32 = node.output.some((name) => index.isGraphOutput(name));
      const moves =
        rules.copyOperators.has(node.opType ?? '') && (users.length > 0 || leavesFp32) && users.every(isFp32);
      // TensorRT-RTX 1.7.1 takes a transposition in front of a recurrent layer to the operators before it, but not past a cast.
      const feedsLoop =
        (moves && users.some((user) => rules.recurrentOperators.has(user.opType ?? '') || loopFeeders.has(user))) ||
        (rules.elementwiseOperators.has(node.opType ?? '') &&
          users.length > 0 &&
          users.every((user) => loopFeeders.has(user)));
      if (feedsLoop) loopFeeders.add(node);
      if (!feedsLoop && !(fromFp32 && (compares || moves))) continue;
      const reason = fromFp32 ? 'lies between nodes that stay FP32' : 'feeds a recurrent layer that stays FP32';
      nodes.set(node, { dtype: 'fp32', reason });
      changed = true;
    }
  }
}
