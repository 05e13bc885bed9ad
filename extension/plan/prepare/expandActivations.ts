/**
 * Writes HardSwish and Mish as the two or three operators that define them.
 *
 * TensorRT's parser builds exactly these layers, but refuses the operators themselves in BF16 (RTX 1.7: "Only FLOAT, HALF or
 * INT8 input is supported"); as single steps they exist in every precision and fuse all the same. Part of `prepareModel.ts`,
 * after the opset upgrade.
 */
import { setFloat } from '../../model/attributes';
import { GraphIndex, walkGraphs } from '../../model/graphIndex';
import { normalDomain, type Model } from '../../model/model';
import { newNode, type NodeProto } from '../../model/onnx.generated';

/** The steps before the product with the input, as ONNX defines the operators. */
const gates: Readonly<Record<string, readonly string[]>> = { HardSwish: ['HardSigmoid'], Mish: ['Softplus', 'Tanh'] };

/** Edits the graph and its bodies in place. */
export function expandActivations(model: Model): void {
  const index = new GraphIndex(model.proto.graph);
  for (const graph of [...walkGraphs(model.proto.graph)]) {
    graph.node = graph.node.flatMap((node) => {
      const steps = normalDomain(node.domain) === '' ? gates[node.opType ?? ''] : undefined;
      return steps === undefined ? [node] : expand(node, steps, index);
    });
  }
}

/** `x · gate(x)`; the product keeps the operator's name and output. */
function expand(node: NodeProto, steps: readonly string[], index: GraphIndex): NodeProto[] {
  const [input = ''] = node.input;
  let last = input;
  const gate = steps.map((opType) => {
    const output = index.uniqueName(`${node.output[0] ?? ''}_${opType}`);
    const step = newNode({ opType, name: `${node.name ?? ''}/${opType}`, input: [last], output: [output] });
    if (opType === 'HardSigmoid') {
      setFloat(step, 'alpha', 1 / 6);
      setFloat(step, 'beta', 0.5);
    }
    last = output;
    return step;
  });
  return [...gate, newNode({ opType: 'Mul', name: node.name ?? '', input: [input, last], output: node.output })];
}
