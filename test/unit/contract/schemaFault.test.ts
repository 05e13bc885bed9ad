import { Type } from '@sinclair/typebox';
import { describe, expect, it } from 'vitest';
import { matchesSchema, schemaFault } from '../../../extension/contract/schemaFault';

const schema = Type.Object(
  { scales: Type.Record(Type.String(), Type.Object({ scale: Type.Number({ exclusiveMinimum: 0 }) })) },
  { additionalProperties: false },
);

describe('schemaFault', () => {
  it('finds none in a value that fits', () => {
    expect(schemaFault(schema, { scales: { x: { scale: 0.5 } } })).toBeNull();
    expect(matchesSchema(schema, { scales: {} })).toBe(true);
  });

  it.each([
    ['a missing key, named last', { scales: { x: {} } }, ['scales', 'x', 'scale'], /required/],
    ['a value of the wrong type', { scales: { x: { scale: 'half' } } }, ['scales', 'x', 'scale'], /number/],
    ['a value out of range', { scales: { x: { scale: 0 } } }, ['scales', 'x', 'scale'], /> 0/],
    ['an unknown key', { scales: {}, other: 1 }, [], /additional properties/],
    ['another kind of value', [], [], /object/],
  ])('%s', (_, value, path, message) => {
    expect(schemaFault(schema, value)).toEqual({ path, message: expect.stringMatching(message) as string });
    expect(matchesSchema(schema, value)).toBe(false);
  });

  it('gives keys as they stand in the file', () => {
    const fault = schemaFault(schema, { scales: { '/conv1/Conv~output': { scale: -1 } } });
    expect(fault?.path).toEqual(['scales', '/conv1/Conv~output', 'scale']);
  });
});
