/**
 * Collects the elements of a packed field, which may arrive in pieces, into one typed array.
 *
 * Used by `wireReader.ts`. The common case, one large piece of floating-point numbers, stays a range of the file.
 */
import { type Bytes, isFileRange, readBytes } from './fileRange';
import type { FieldKind } from './messageSchema';

export type NumericArray = Float32Array | Float64Array | Int32Array | BigInt64Array | BigUint64Array;

/** The array type that holds a packed field in memory. */
export function arrayTypeOf(kind: FieldKind) {
  switch (kind) {
    case 'float':
      return Float32Array;
    case 'double':
      return Float64Array;
    case 'int32':
      return Int32Array;
    case 'int64':
      return BigInt64Array;
    case 'uint64':
      return BigUint64Array;
    default:
      throw new Error(`${kind} is not a packed type`);
  }
}

export class TypedArrayBuilder {
  private array: NumericArray;
  private length = 0;
  private large: Bytes | undefined;

  constructor(private readonly kind: FieldKind) {
    this.array = new (arrayTypeOf(kind))(0);
  }

  append(value: number | bigint): void {
    this.reserve(1);
    (this.array as { [index: number]: number | bigint })[this.length] = value;
    this.length += 1;
  }

  /** Appends little-endian elements as they stand in a file. */
  appendBytes(bytes: Bytes): void {
    if (this.length === 0 && this.large === undefined && isFileRange(bytes)) {
      this.large = bytes;
      return;
    }
    const read = readBytes(bytes);
    this.reserve(read.byteLength / this.array.BYTES_PER_ELEMENT);
    new Uint8Array(this.array.buffer).set(read, this.length * this.array.BYTES_PER_ELEMENT);
    this.length += read.byteLength / this.array.BYTES_PER_ELEMENT;
  }

  finish(): NumericArray | Bytes {
    return this.large ?? this.array.slice(0, this.length);
  }

  private reserve(count: number): void {
    if (this.large !== undefined) {
      const first = this.large;
      this.large = undefined;
      this.appendBytes(readBytes(first));
    }
    const needed = this.length + count;
    if (needed <= this.array.length) return;
    const grown = new (arrayTypeOf(this.kind))(Math.max(needed, 2 * this.array.length, 4));
    new Uint8Array(grown.buffer).set(new Uint8Array(this.array.buffer, 0, this.array.byteLength));
    this.array = grown;
  }
}
