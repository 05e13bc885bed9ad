/**
 * Decodes protobuf messages by the tables of `onnx.generated.ts`.
 *
 * Comes after `byteSource.ts`, before `loadModel.ts`. Keeps what re-encoding byte for byte needs: fields that the
 * schema does not know, and order and form of the fields where a producer deviated from the canonical encoding
 * (`WireNotes`). Wire format: protobuf's own encoding description.
 */
import type { ByteSource } from './byteSource';
import type { Bytes } from './fileRange';
import {
  type AnyMessage,
  elementWireType,
  type FieldSchema,
  type MessageSchema,
  type TraceEntry,
  unknownField,
  wireNotes,
  wireType,
  type WireType,
} from './messageSchema';
import { TypedArrayBuilder } from './typedArrayBuilder';

/** Payloads from this size on stay in the file. */
export const payloadThreshold = 16 * 1024;
/** Messages nested deeper than this are refused; protobuf's own limit is 100. */
const maximumDepth = 100;

/** The bytes are not what the schema says. `truncated`: they end too early, else they are wrong. */
export class WireError extends Error {
  /** The outermost message as far as it was decoded. */
  partial?: AnyMessage;

  constructor(
    readonly offset: number,
    readonly truncated: boolean,
    message: string,
  ) {
    super(message);
    this.name = 'WireError';
  }
}

/** Decodes one message that fills the source. @throws WireError */
export function decodeMessage<T extends object>(source: ByteSource, schema: MessageSchema): T {
  const message = schema.create() as AnyMessage;
  try {
    new WireReader(source).message(message, schema, source.size, 0);
  } catch (error) {
    if (error instanceof WireError) error.partial = message;
    throw error;
  }
  return message as unknown as T;
}

/** A run under construction; `TraceEntry` without its `readonly`. */
type Run = { -readonly [K in keyof TraceEntry]: TraceEntry[K] };

/** A message being read. */
interface Frame {
  readonly message: AnyMessage;
  readonly schema: MessageSchema;
  readonly end: number;
  readonly depth: number;
  readonly runs: Run[];
  readonly typed: Map<FieldSchema, TypedArrayBuilder>;
}

class WireReader {
  private position = 0;
  /** The window on the source: `bytes[i]` is the byte at `base + i`. */
  private bytes: Uint8Array = new Uint8Array(0);
  private base = 0;
  /** The varint read last: unsigned halves, and the number of bytes it took. */
  private low = 0;
  private high = 0;
  private width = 0;

  constructor(private readonly source: ByteSource) {}

  /** Fills a message with the fields up to `end`. */
  message(message: AnyMessage, schema: MessageSchema, end: number, depth: number): void {
    if (depth > maximumDepth) throw this.wrong(`messages are nested deeper than ${maximumDepth}`);
    const frame: Frame = { message, schema, end, depth, runs: [], typed: new Map() };
    const unknown: Bytes[] = [];
    while (this.position < end) {
      const start = this.position;
      const key = this.tag(end);
      const field = schema.byNumber.get(key >>> 3);
      if (field === undefined) {
        this.skip(key, end);
        unknown.push(this.keep(start));
        addToRun(frame.runs, { number: unknownField, count: 1 });
      } else addToRun(frame.runs, this.field(frame, field, (key & 7) as WireType, start));
    }
    for (const [field, builder] of frame.typed) message[field.name] = builder.finish();
    const canonical = isCanonical(frame.runs, schema);
    if (unknown.length > 0 || !canonical) {
      message[wireNotes] = { ...(unknown.length > 0 ? { unknown } : {}), ...(canonical ? {} : { trace: frame.runs }) };
    }
  }

  /** Reads what follows a tag, and says how it stood there. */
  private field(frame: Frame, field: FieldSchema, wire: WireType, start: number): Run {
    const natural = elementWireType(field.kind);
    const packed = wire === wireType.delimited && natural !== wireType.delimited && field.repeated;
    if (wire !== natural && !packed) {
      throw this.wrong(`${frame.schema.name}.${field.name} has wire type ${wire} where ${natural} belongs`, start);
    }
    const run: Run = { number: field.number, count: 1 };
    if (field.repeated && natural !== wireType.delimited) run.form = packed ? 'packed' : 'single';
    if (this.isPadded()) run.tagWidth = this.width;
    this.exact = true;
    if (wire === wireType.delimited) {
      const end = this.length(frame.end) + this.position;
      if (this.isPadded()) run.lengthWidth = this.width;
      if (packed) run.count = this.packed(frame, field, end);
      else if (field.kind === 'message') this.nested(frame, field, end);
      else this.add(frame, field, this.delimited(field, end - this.position));
    } else this.add(frame, field, this.scalar(field, frame.end));
    if (!this.exact) run.raw = this.source.copy(start, this.position - start);
    return run;
  }

  private nested(frame: Frame, field: FieldSchema, end: number): void {
    const schema = requireMessage(field);
    // A singular message that occurs again adds to the first one, as protobuf has it.
    const earlier = field.repeated ? undefined : (frame.message[field.name] as AnyMessage | undefined);
    const nested = earlier ?? (schema.create() as AnyMessage);
    // Attached before it is complete: a truncated file still shows what it held.
    if (earlier === undefined) this.add(frame, field, nested);
    this.message(nested, schema, end, frame.depth + 1);
    this.exact = true;
  }

  /** Whether the value read last encodes to the very bytes it was read from. */
  private exact = true;

  private add({ message, typed }: Frame, field: FieldSchema, value: unknown): void {
    if (!field.repeated) message[field.name] = value;
    else if (field.packed) builderOf(typed, field).append(value as number | bigint);
    else (message[field.name] as unknown[]).push(value);
  }

  private scalar(field: FieldSchema, end: number): number | bigint {
    if (field.kind === 'float' || field.kind === 'double') {
      const size = field.kind === 'float' ? 4 : 8;
      if (this.position + size > end) throw this.short(field.name, end);
      const at = this.ensure(size);
      const view = new DataView(this.bytes.buffer, this.bytes.byteOffset + at, size);
      this.position += size;
      const value = size === 4 ? view.getFloat32(0, true) : view.getFloat64(0, true);
      this.exact = !Number.isNaN(value) || isPlainNaN(view);
      return value;
    }
    this.varint(end);
    return this.integer(field);
  }

  /** The varint read last as the field's type. */
  private integer(field: FieldSchema): number | bigint {
    const minimal = !this.isPadded();
    switch (field.kind) {
      case 'int32': {
        const value = this.low | 0;
        this.exact = minimal && this.high === (value < 0 ? 0xffffffff : 0);
        return value;
      }
      case 'int64Number': {
        const value = (this.high | 0) * 0x100000000 + this.low;
        this.exact = minimal && Number.isSafeInteger(value);
        return value;
      }
      case 'int64':
        this.exact = minimal;
        return this.high === 0 ? BigInt(this.low) : (BigInt(this.high | 0) << 32n) | BigInt(this.low);
      default:
        this.exact = minimal;
        return this.high === 0 ? BigInt(this.low) : (BigInt(this.high) << 32n) | BigInt(this.low);
    }
  }

  /** A packed field; returns its number of elements. */
  private packed(frame: Frame, field: FieldSchema, end: number): number {
    if (field.packed && (field.kind === 'float' || field.kind === 'double')) {
      return this.packedFloats(frame, field, end);
    }
    let count = 0;
    let exact = true;
    while (this.position < end) {
      this.add(frame, field, this.scalar(field, end));
      exact = exact && this.exact;
      count += 1;
    }
    this.exact = exact;
    return count;
  }

  /** Packed floating-point numbers stand in the file as they do in memory, so large ones need not be read. */
  private packedFloats({ typed }: Frame, field: FieldSchema, end: number): number {
    const size = field.kind === 'float' ? 4 : 8;
    const length = end - this.position;
    if (length % size !== 0) throw this.wrong(`${field.name} has ${length} bytes, not a multiple of ${size}`);
    const large = length >= payloadThreshold;
    const bytes = large ? this.source.payload(this.position, length) : this.source.copy(this.position, length);
    builderOf(typed, field).appendBytes(bytes);
    this.position = end;
    return length / size;
  }

  private delimited(field: FieldSchema, length: number): unknown {
    const start = this.position;
    this.position += length;
    if (field.kind === 'largeBytes' && length >= payloadThreshold) return this.source.payload(start, length);
    if (field.kind !== 'string') {
      return this.source.copy(start, length);
    }
    this.position = start;
    const at = this.ensure(length);
    this.position = start + length;
    return this.text(Buffer.from(this.bytes.buffer, this.bytes.byteOffset + at, length));
  }

  private text(bytes: Buffer): string {
    let ascii = true;
    for (let i = 0; i < bytes.length && ascii; i++) ascii = bytes[i]! < 0x80;
    if (ascii) return bytes.toString('latin1');
    const text = bytes.toString('utf8');
    this.exact = Buffer.from(text, 'utf8').equals(bytes);
    return text;
  }

  private tag(end: number): number {
    const start = this.position;
    this.varint(end);
    if (this.high !== 0 || this.low >>> 3 === 0) throw this.wrong('the field number is 0 or above 2^29', start);
    const wire = this.low & 7;
    if (wire === 3 || wire === 4) throw this.wrong('it holds a protobuf group, which ONNX does not use', start);
    if (wire > 5) throw this.wrong(`wire type ${wire} does not exist`, start);
    return this.low;
  }

  private skip(key: number, end: number): void {
    switch (key & 7) {
      case wireType.varint:
        this.varint(end);
        return;
      case wireType.delimited: {
        const length = this.length(end);
        this.position += length;
        return;
      }
      default: {
        const size = (key & 7) === wireType.fixed32 ? 4 : 8;
        if (this.position + size > end) throw this.short(`field ${key >>> 3}`, end);
        this.position += size;
      }
    }
  }

  private keep(start: number): Bytes {
    const length = this.position - start;
    if (length >= payloadThreshold) return this.source.payload(start, length);
    return this.source.copy(start, length);
  }

  private length(end: number): number {
    const start = this.position;
    this.varint(end);
    const length = this.high * 0x100000000 + this.low;
    if (this.position + length > end) throw this.short(`a field of ${length} bytes`, end, start);
    return length;
  }

  private varint(end: number): void {
    const at = this.ensure(10);
    const bytes = this.bytes;
    const first = bytes[at];
    if (this.position >= end || first === undefined) throw this.short('a number', end);
    if (first < 0x80) {
      this.low = first;
      this.high = 0;
      this.width = 1;
      this.position += 1;
      return;
    }
    let low = first & 0x7f;
    let high = 0;
    for (let i = 1; i < 10; i++) {
      const byte = bytes[at + i];
      if (this.position + i >= end || byte === undefined) throw this.short('a number', end);
      const bits = byte & 0x7f;
      if (i < 4) low |= bits << (7 * i);
      else if (i === 4) {
        low |= bits << 28;
        high |= bits >>> 4;
      } else high |= bits << (7 * i - 32);
      if (byte < 0x80) {
        this.low = low >>> 0;
        this.high = high >>> 0;
        this.width = i + 1;
        this.position += i + 1;
        return;
      }
    }
    throw this.wrong('a number takes more than ten bytes');
  }

  /** Whether the varint read last takes more bytes than it needs. */
  private isPadded(): boolean {
    return this.width !== minimalWidth(this.low, this.high);
  }

  /** Index in `bytes` of the current position, with at least `length` bytes behind it unless the source ends. */
  private ensure(length: number): number {
    const at = this.position - this.base;
    if (at >= 0 && at + length <= this.bytes.length) return at;
    this.bytes = this.source.view(this.position, length);
    this.base = this.position;
    return 0;
  }

  private wrong(message: string, offset = this.position): WireError {
    return new WireError(offset, false, message);
  }

  /** A field that runs past `end`: past the end of the file it is a truncation, past that of its parent an error. */
  private short(what: string, end: number, offset = this.position): WireError {
    const truncated = end === this.source.size;
    return new WireError(offset, truncated, `${what} goes beyond ${truncated ? 'the end of the file' : 'its message'}`);
  }
}

function requireMessage(field: FieldSchema): MessageSchema {
  if (field.message === undefined) throw new Error(`${field.name} has no message schema`);
  return field.message();
}

/** Adds a run, or its elements to the run before if that is of the same kind. */
function addToRun(runs: Run[], run: Run): void {
  const last = runs[runs.length - 1];
  const extendable =
    last !== undefined && last.number === run.number && run.form !== 'packed' && last.form === run.form;
  if (extendable && isPlain(last) && isPlain(run)) last.count += run.count;
  else runs.push(run);
}

function isPlain(run: TraceEntry): boolean {
  return run.raw === undefined && run.tagWidth === undefined && run.lengthWidth === undefined;
}

/** Fields once each, by number, unknown ones last, repeated numbers in the form that ONNX's schema asks for. */
function isCanonical(runs: readonly Run[], schema: MessageSchema): boolean {
  let previous = 0;
  for (const run of runs) {
    const number = run.number === unknownField ? Infinity : run.number;
    if (number <= previous || !isPlain(run)) return false;
    previous = number;
    const field = schema.byNumber.get(run.number);
    if (field === undefined) continue;
    if (!field.repeated && run.count !== 1) return false;
    if (run.form !== undefined && (run.form !== (field.packed ? 'packed' : 'single') || run.count === 0)) return false;
  }
  return true;
}

/** Number of bytes of the shortest varint. */
export function minimalWidth(low: number, high: number): number {
  if (high === 0) {
    if (low < 0x80) return 1;
    if (low < 0x4000) return 2;
    if (low < 0x200000) return 3;
    return low < 0x10000000 ? 4 : 5;
  }
  const bits = 64 - Math.clz32(high);
  return Math.ceil(bits / 7);
}

/** Whether a NaN has the bits that JavaScript writes for one. */
function isPlainNaN(view: DataView): boolean {
  const low = view.getUint32(0, true);
  return view.byteLength === 4 ? low === 0x7fc00000 : low === 0 && view.getUint32(4, true) === 0x7ff80000;
}

function builderOf(typed: Map<FieldSchema, TypedArrayBuilder>, field: FieldSchema): TypedArrayBuilder {
  let builder = typed.get(field);
  if (builder === undefined) typed.set(field, (builder = new TypedArrayBuilder(field.kind)));
  return builder;
}
