import { describe, expect, test } from 'vitest';
import { newGraph, newNode } from '../../../extension/model/onnx.generated';
import { shapeHoldingInputs } from '../../../extension/plan/shapeArithmetic';
import { floatValue, integerValue } from '../../support/models';

describe('shapeHoldingInputs', () => {
  test('integers that reach a size through the arithmetic of sizes, and no other inputs', () => {
    const graph = newGraph({
      input: [
        floatValue('x', ['batch', 64]),
        integerValue('target', [2]),
        integerValue('rows', []),
        integerValue('ids', ['batch']),
        floatValue('scales', [4]),
      ],
      node: [
        newNode({ opType: 'Unsqueeze', input: ['rows', 'axis'], output: ['rows1'] }),
        newNode({ opType: 'Concat', input: ['rows1', 'columns'], output: ['size'] }),
        newNode({ opType: 'Expand', input: ['x', 'size'], output: ['wide'] }),
        newNode({ opType: 'Reshape', input: ['wide', 'target'], output: ['flat'] }),
        newNode({ opType: 'Resize', input: ['flat', '', 'scales'], output: ['large'] }),
        newNode({ opType: 'Gather', input: ['table', 'ids'], output: ['found'] }),
      ],
    });
    expect(shapeHoldingInputs(graph)).toEqual(['target', 'rows']);
  });

  test('a table of numbers is data, whatever reads it', () => {
    const graph = newGraph({
      input: [integerValue('matrix', [3, 3])],
      node: [newNode({ opType: 'ConstantOfShape', input: ['matrix'], output: ['y'] })],
    });
    expect(shapeHoldingInputs(graph)).toEqual([]);
  });
});
