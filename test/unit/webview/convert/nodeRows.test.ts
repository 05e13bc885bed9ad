import { expect, it } from 'vitest';
import type { NodePlan } from '../../../../extension/contract/stageMethods';
import { keptAs, nodeRows, searchRows } from '../../../../webview/convert/nodeRows';

const nodes: NodePlan[] = [
  { node: '/a/Conv', opType: 'Conv', variant: 'fp32', precision: 'fp32', reason: 'the baseline' },
  { node: '/a/Softmax', opType: 'Softmax', variant: 'fp32', precision: 'fp32', reason: 'the baseline' },
  { node: '/a/Conv', opType: 'Conv', variant: 'int8', precision: 'int8', reason: 'reads input and weights in 8 bits' },
  { node: '/a/Softmax', opType: 'Softmax', variant: 'int8', precision: 'fp32', reason: 'sums exponentials' },
];

it('makes a row a node, in the order of the graph, without the baseline', () => {
  expect(nodeRows(nodes)).toEqual([
    {
      node: '/a/Conv',
      opType: 'Conv',
      choices: [{ variant: 'int8', precision: 'int8', reason: 'reads input and weights in 8 bits' }],
    },
    {
      node: '/a/Softmax',
      opType: 'Softmax',
      choices: [{ variant: 'int8', precision: 'fp32', reason: 'sums exponentials' }],
    },
  ]);
});

it('shows the nodes of a plan that has only the baseline', () => {
  expect(nodeRows(nodes.slice(0, 2)).map(({ node, choices }) => [node, choices.length])).toEqual([
    ['/a/Conv', 0],
    ['/a/Softmax', 0],
  ]);
});

it('finds by all words, in name, operator and reason', () => {
  const rows = nodeRows(nodes);
  const found = (search: string) => searchRows(rows, search).map(({ node }) => node);
  expect(found('')).toHaveLength(2);
  expect(found('8 BITS conv')).toEqual(['/a/Conv']);
  expect(found('exponentials conv')).toEqual([]);
});

it('tells what is kept by its own name only', () => {
  const keep = [
    { match: '/a/*', precision: 'fp16' as const },
    { match: '/a/Conv', precision: 'fp32' as const },
  ];
  expect(keptAs(keep, '/a/Conv')).toBe('fp32');
  expect(keptAs(keep, '/a/Softmax')).toBe('');
});
