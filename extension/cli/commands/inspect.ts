/** `inspect`: the model card, and what each precision would do to each node. */
import * as path from 'node:path';
import { precisions, type Precision } from '../../contract/plan';
import type { StageMethods } from '../../contract/stageMethods';
import type { Command } from '../commands';

type Inspection = StageMethods['inspect']['result'];

export const inspectCommand: Command = {
  spec: {
    name: 'inspect',
    summary: 'Inputs, outputs, opset, operators, parameters, and what each precision would do to each node.',
    positionals: 'MODEL',
    minPositionals: 1,
    maxPositionals: 1,
    options: {
      json: { type: 'boolean', help: 'one JSON document on stdout' },
      nodes: { type: 'boolean', help: 'list every node that would stay in a higher precision' },
      quiet: { type: 'boolean', help: 'no progress on stderr' },
      help: { type: 'boolean', help: 'this text' },
    },
  },
  run: async ({ args, cwd, worker, options, print }) => {
    const model = path.resolve(cwd, args.positionals[0] ?? '');
    const explain = precisions.filter((name) => name !== 'fp32');
    const inspection = await worker().request('inspect', { model, explain }, options);
    print(
      args.flag('json')
        ? `${JSON.stringify(inspection, null, 2)}\n`
        : describeInspection(inspection, explain, args.flag('nodes')),
    );
    return 'done';
  },
};

function describeInspection(inspection: Inspection, explain: readonly Precision[], listNodes: boolean): string {
  const { card, operators, nodes, warnings } = inspection;
  const shape = (value: { shape: readonly (number | string | null)[] | null }) =>
    value.shape === null ? '' : `[${value.shape.map((size) => size ?? '?').join(', ')}]`;
  const lines = [
    card.path,
    `opset ${card.opset}, IR ${card.irVersion}, ${card.nodes} nodes, ${card.parameters.toLocaleString('en')} parameters`,
    ...card.inputs.map((value) => `input   ${value.name}: ${value.dtype}${shape(value)}`),
    ...card.outputs.map((value) => `output  ${value.name}: ${value.dtype}${shape(value)}`),
    `ops     ${Object.entries(operators)
      .sort(([, a], [, b]) => b - a)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')}`,
    '',
  ];
  for (const precision of explain) {
    const own = nodes.filter((node) => node.variant === precision);
    const counts = new Map<string, number>();
    for (const node of own) counts.set(node.precision, (counts.get(node.precision) ?? 0) + 1);
    const summary = [...counts].map(([name, count]) => `${count} nodes ${name}`).join(', ');
    lines.push(`${precision.padEnd(7)} ${summary === '' ? 'every node' : summary}`);
    if (listNodes) {
      for (const node of own) {
        if (node.precision !== precision) lines.push(`  ${node.precision} ${node.opType} ${node.node}: ${node.reason}`);
      }
    }
  }
  lines.push(...warnings.map((text) => `warning: ${text}`));
  return `${lines.join('\n')}\n`;
}
