import { describe, expect, it } from 'vitest';
import { arraySource } from '../../../extension/model/byteSource';
import { elementWireType, type FieldSchema, type MessageSchema } from '../../../extension/model/messageSchema';
import {
  attributeProtoSchema,
  type AttributeProto,
  type GraphProto,
  graphProtoSchema,
  type ModelProto,
  modelProtoSchema,
  newModel,
  type NodeProto,
  nodeProtoSchema,
  type TensorProto,
  tensorProtoSchema,
  type TensorShapeProtoDimension,
  tensorShapeProtoDimensionSchema,
} from '../../../extension/model/onnx.generated';
import { decodeMessage, WireError } from '../../../extension/model/wireReader';
import { encodeToArray } from '../../../extension/model/wireWriter';

const bytes = (...parts: (number | readonly number[] | string)[]): Uint8Array =>
  Uint8Array.from(
    parts.flatMap((part) =>
      typeof part === 'string' ? [...Buffer.from(part)] : typeof part === 'number' ? [part] : part,
    ),
  );
const decode = <T extends object>(encoded: Uint8Array, schema: MessageSchema): T =>
  decodeMessage<T>(arraySource(encoded), schema);

describe('what is not canonical comes back byte for byte', () => {
  const cases: [name: string, schema: MessageSchema, encoded: Uint8Array, check: (message: never) => void][] = [
    [
      'fields in another order',
      nodeProtoSchema,
      bytes(0x22, 4, 'Relu', 0x12, 1, 'y', 0x0a, 1, 'x'),
      (node: NodeProto) => expect([node.opType, node.input, node.output]).toEqual(['Relu', ['x'], ['y']]),
    ],
    [
      'a repeated field in pieces',
      nodeProtoSchema,
      bytes(0x0a, 1, 'a', 0x12, 1, 'y', 0x0a, 1, 'b'),
      (node: NodeProto) => expect(node.input).toEqual(['a', 'b']),
    ],
    [
      'packed dims, as proto3 producers write them',
      tensorProtoSchema,
      bytes(0x0a, 3, 1, 0x80, 0x01, 0x10, 1),
      (tensor: TensorProto) => expect(tensor.dims).toEqual([1, 128]),
    ],
    [
      'unpacked float_data',
      tensorProtoSchema,
      bytes(0x25, 0, 0, 0x80, 0x3f, 0x25, 0, 0, 0, 0x40),
      (tensor: TensorProto) => expect(tensor.floatData).toEqual(Float32Array.of(1, 2)),
    ],
    [
      'packed data in two pieces',
      tensorProtoSchema,
      bytes(0x3a, 2, 1, 2, 0x3a, 1, 3),
      (tensor: TensorProto) => expect(tensor.int64Data).toEqual(BigInt64Array.of(1n, 2n, 3n)),
    ],
    [
      'an empty packed field',
      tensorProtoSchema,
      bytes(0x0a, 0, 0x10, 1),
      (tensor: TensorProto) => expect(tensor.dims).toEqual([]),
    ],
    [
      'zeros written out',
      tensorProtoSchema,
      bytes(0x08, 0, 0x10, 0, 0x42, 0),
      (tensor: TensorProto) => expect([tensor.dims, tensor.dataType, tensor.name]).toEqual([[0], 0, '']),
    ],
    [
      'unknown fields among known ones',
      nodeProtoSchema,
      bytes(0x0a, 1, 'x', 0xfa, 0x3f, 2, 'hi', 0x12, 1, 'y', 0xf8, 0x3f, 7),
      (node: NodeProto) => expect([node.input, node.output]).toEqual([['x'], ['y']]),
    ],
    [
      'a varint longer than need be',
      tensorProtoSchema,
      bytes(0x10, 0x81, 0x80, 0x00, 0x08, 0x85, 0x00),
      (tensor: TensorProto) => expect([tensor.dataType, tensor.dims]).toEqual([1, [5]]),
    ],
    [
      'a negative int32 in five bytes',
      tensorProtoSchema,
      bytes(0x10, 0xff, 0xff, 0xff, 0xff, 0x0f),
      (tensor: TensorProto) => expect(tensor.dataType).toBe(-1),
    ],
    [
      'padded tags and lengths',
      nodeProtoSchema,
      bytes([0x8a, 0x00], [0x81, 0x80, 0x00], 'x', [0xaa, 0x80, 0x00], [0x83, 0x80, 0x00], [0x0a, 1], 'k'),
      (node: NodeProto) => expect([node.input, node.attribute[0]?.name]).toEqual([['x'], 'k']),
    ],
    [
      'a padded length before raw data',
      tensorProtoSchema,
      bytes(0x4a, [0x84, 0x80, 0x80, 0x80, 0x00], [1, 2, 3, 4]),
      (tensor: TensorProto) => expect(tensor.rawData).toEqual(Uint8Array.of(1, 2, 3, 4)),
    ],
    [
      'a string that is not UTF-8',
      nodeProtoSchema,
      bytes(0x1a, 3, [0x61, 0xff, 0x62]),
      (node: NodeProto) => expect(node.name).toBe('a\ufffdb'),
    ],
    [
      'a string that begins with a byte-order mark',
      nodeProtoSchema,
      bytes(0x1a, 4, [0xef, 0xbb, 0xbf, 0x61]),
      (node: NodeProto) => expect(node.name).toBe('\ufeffa'),
    ],
    [
      'a NaN with a payload',
      attributeProtoSchema,
      bytes(0x15, [0x01, 0x00, 0xa0, 0x7f]),
      (attribute: AttributeProto) => expect(attribute.f).toBeNaN(),
    ],
    [
      'a size beyond 2^53',
      tensorShapeProtoDimensionSchema,
      bytes(0x08, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
      (dim: TensorShapeProtoDimension) => expect(dim.dimValue).toBe(2 ** 63),
    ],
    [
      'extreme int64 values',
      attributeProtoSchema,
      bytes(0x18, [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01], 0x40, 0x7f, 0x40, 0xff, 0x7f),
      (attribute: AttributeProto) => expect([attribute.i, attribute.ints]).toEqual([-(2n ** 63n), [127n, 16383n]]),
    ],
  ];

  it.each(cases)('%s', (_, schema, encoded, check) => {
    const message = decode<object>(encoded, schema);
    check(message as never);
    expect(encodeToArray(message, schema)).toEqual(encoded);
  });

  it('random messages in random order and form', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const encoded = Uint8Array.from(randomMessage(modelProtoSchema, randomNumbers(seed), 0));
      const again = encodeToArray(decode<ModelProto>(encoded, modelProtoSchema), modelProtoSchema);
      expect(Buffer.compare(again, encoded), `seed ${seed}`).toBe(0);
    }
  });
});

describe('an edited message', () => {
  it('has its new values, and what was not touched in its old form', () => {
    const node = decode<NodeProto>(
      bytes(0x22, 4, 'Relu', 0x12, 1, 'y', 0x0a, 1, 'x', 0x1a, 1, [0xff]),
      nodeProtoSchema,
    );
    node.input.push('z');
    node.opType = 'Max';
    expect(encodeToArray(node, nodeProtoSchema)).toEqual(
      bytes(0x22, 3, 'Max', 0x12, 1, 'y', 0x0a, 1, 'x', 0x1a, 1, [0xff], 0x0a, 1, 'z'),
    );
  });

  it('does not bring back a value that was replaced', () => {
    const node = decode<NodeProto>(bytes(0x1a, 1, [0xff]), nodeProtoSchema);
    node.name = 'new';
    expect(encodeToArray(node, nodeProtoSchema)).toEqual(bytes(0x1a, 3, 'new'));
    node.name = undefined;
    expect(encodeToArray(node, nodeProtoSchema)).toEqual(bytes());
  });

  it('keeps unknown fields through a spread', () => {
    const node = decode<NodeProto>(bytes(0x0a, 1, 'x', 0xf8, 0x3f, 7), nodeProtoSchema);
    expect(encodeToArray({ ...node, input: ['q'] }, nodeProtoSchema)).toEqual(bytes(0x0a, 1, 'q', 0xf8, 0x3f, 7));
  });

  it('refuses numbers that do not fit', () => {
    expect(() => encodeToArray({ ...decode(bytes(), tensorProtoSchema), dims: [1.5] }, tensorProtoSchema)).toThrow(
      RangeError,
    );
    expect(() =>
      encodeToArray({ ...decode(bytes(), tensorProtoSchema), dataType: 2 ** 31 }, tensorProtoSchema),
    ).toThrow(RangeError);
    expect(() =>
      encodeToArray({ ...decode(bytes(), attributeProtoSchema), i: 2n ** 63n }, attributeProtoSchema),
    ).toThrow(RangeError);
  });
});

describe('bytes that are no message', () => {
  it.each([
    ['a group', bytes(0x0b), false],
    ['field number 0', bytes(0x00, 0x00), false],
    ['wire type 6', bytes(0x0e), false],
    ['a string where a number belongs', bytes(0x0a, 1, 'x'), false],
    ['a varint of eleven bytes', bytes(0x08, new Array<number>(10).fill(0xff), 0x01), false],
    ['a cut number', bytes(0x08, 0x80), true],
    ['a cut string', bytes(0x12, 5, 'ab'), true],
    ['a nested message that overruns its parent', bytes(0x3a, 2, 0x0a, 5, 0x12, 1, 'y', 0x12, 1), false],
  ])('%s', (_, encoded, truncated) => {
    let error: unknown;
    try {
      decode(encoded, modelProtoSchema);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(WireError);
    expect((error as WireError).truncated).toBe(truncated);
  });

  it('messages nested without end', () => {
    let encoded: Uint8Array = bytes();
    // graph > node > attribute > graph …
    for (let depth = 0; depth < 60; depth++) {
      for (const tag of [0x32, 0x2a, 0x0a]) encoded = bytes(tag, lengthOf(encoded.length), [...encoded]);
    }
    expect(() => decode<GraphProto>(encoded, graphProtoSchema)).toThrow(/nested deeper/);
  });
});

describe('presence', () => {
  it('factories give every repeated field and no other', () => {
    const model = newModel({ irVersion: 8 });
    expect(model).toEqual({
      irVersion: 8,
      opsetImport: [],
      metadataProps: [],
      trainingInfo: [],
      functions: [],
      configuration: [],
    });
  });
});

/** An encoder of its own: every field of a schema, any order, any form that protobuf allows. */
function randomMessage(schema: MessageSchema, random: () => number, depth: number): number[] {
  const occurrences: number[][] = [];
  const count = Math.floor(random() * 8);
  for (let i = 0; i < count; i++) {
    const field = schema.fields[Math.floor(random() * schema.fields.length)]!;
    if (field.kind === 'message' && depth > 4) continue;
    // A singular field twice is merged, not kept; here it occurs once.
    if (!field.repeated && occurrences.some((bytesOfOne) => bytesOfOne[0] === tagOf(field)[0])) continue;
    occurrences.push(randomOccurrence(field, random, depth));
  }
  if (random() < 0.3) occurrences.push([...varintOf((4000n << 3n) | 2n), 3, 1, 2, 3]);
  return occurrences.sort(() => random() - 0.5).flat();
}

function randomOccurrence(field: FieldSchema, random: () => number, depth: number): number[] {
  const wire = elementWireType(field.kind);
  if (wire === 2) {
    const body =
      field.kind === 'message'
        ? randomMessage(field.message!(), random, depth + 1)
        : Array.from({ length: Math.floor(random() * 6) }, () => Math.floor(random() * 256));
    return [...tagOf(field), ...randomVarint(BigInt(body.length), random), ...body];
  }
  const element = (): number[] => {
    if (wire !== 0) return Array.from({ length: wire === 5 ? 4 : 8 }, () => Math.floor(random() * 256));
    return randomVarint(BigInt(Math.floor(random() * 2 ** (random() * 53))), random);
  };
  if (!field.repeated || random() < 0.5) return [...tagOf(field), ...element()];
  const body = Array.from({ length: Math.floor(random() * 4) }, element).flat();
  return [...varintOf((BigInt(field.number) << 3n) | 2n), ...randomVarint(BigInt(body.length), random), ...body];
}

const tagOf = (field: FieldSchema): number[] =>
  varintOf((BigInt(field.number) << 3n) | BigInt(elementWireType(field.kind)));

const lengthOf = (value: number): number[] => varintOf(BigInt(value));

function varintOf(number: bigint): number[] {
  const result: number[] = [];
  for (; number >= 0x80n; number >>= 7n) result.push(Number(number & 0x7fn) | 0x80);
  return [...result, Number(number)];
}

/** Sometimes with more bytes than need be. */
function randomVarint(number: bigint, random: () => number): number[] {
  const minimal = varintOf(number);
  if (random() < 0.8 || minimal.length > 8) return minimal;
  return [...minimal.slice(0, -1), minimal[minimal.length - 1]! | 0x80, 0];
}

/** Mulberry32. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
