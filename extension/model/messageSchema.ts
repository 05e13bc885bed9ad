/**
 * What the codec knows about a message: its fields by number, and notes on how a decoded message stood in its file.
 *
 * `onnx.generated.ts` holds one `MessageSchema` per ONNX message; `wireReader.ts` and `wireWriter.ts` interpret them.
 */
import type { Bytes } from './fileRange';

export type FieldKind =
  | 'float'
  | 'double'
  | 'int32'
  | 'int64'
  /** int64 on the wire, a `number` in memory. */
  | 'int64Number'
  | 'uint64'
  | 'string'
  | 'bytes'
  /** Bytes that may stay in the file. */
  | 'largeBytes'
  | 'message';

export interface FieldSchema {
  readonly number: number;
  readonly name: string;
  readonly kind: FieldKind;
  readonly repeated: boolean;
  /** Written packed by ONNX's own schema; held as a typed array. */
  readonly packed: boolean;
  readonly message?: () => MessageSchema;
}

export interface MessageSchema {
  readonly name: string;
  readonly create: () => object;
  /** In the order of field numbers, which is the canonical order of encoding. */
  readonly fields: readonly FieldSchema[];
  readonly byNumber: ReadonlyMap<number, FieldSchema>;
}

/** Key under which a message carries `WireNotes`. A symbol, so that it survives a spread and hides from JSON. */
export const wireNotes: unique symbol = Symbol('wireNotes');

/** What re-encoding a message byte for byte takes beyond its values. Absent on nearly every message of nearly every model. */
export interface WireNotes {
  /** Fields that the schema does not know, in file order, each with its tag. */
  unknown?: readonly Bytes[];
  /** Order and form of the fields where they differ from the canonical ones. */
  trace?: readonly TraceEntry[];
}

/** A run of consecutive occurrences of one field. */
export interface TraceEntry {
  /** The field's number, or `unknownField`. */
  readonly number: number;
  /** Elements in this run; zero for an empty packed field. */
  count: number;
  /** How a repeated number stood in the file; undefined for every other field. */
  readonly form?: 'packed' | 'single';
  /**
   * The field's bytes, tag included, where encoding its value would give others: strings that are not UTF-8, varints
   * longer than need be. Used as long as the value is the one that these bytes decode to.
   */
  readonly raw?: Uint8Array;
  /** Bytes of the tag and of the length where they are longer than need be. */
  readonly tagWidth?: number;
  readonly lengthWidth?: number;
}

export const unknownField = 0;

/** Wire types of protobuf. Groups (3, 4) do not occur in ONNX. */
export const wireType = { varint: 0, fixed64: 1, delimited: 2, fixed32: 5 } as const;
export type WireType = (typeof wireType)[keyof typeof wireType];

/** The wire type of one element of a field. */
export function elementWireType(kind: FieldKind): WireType {
  switch (kind) {
    case 'float':
      return wireType.fixed32;
    case 'double':
      return wireType.fixed64;
    case 'int32':
    case 'int64':
    case 'int64Number':
    case 'uint64':
      return wireType.varint;
    default:
      return wireType.delimited;
  }
}

/** A message as the interpreter sees it. */
export type AnyMessage = Record<string, unknown> & { [wireNotes]?: WireNotes | undefined };
