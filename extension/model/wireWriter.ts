/**
 * Encodes protobuf messages by the tables of `onnx.generated.ts`, without touching large payloads.
 *
 * Comes after every change to a model, before `saveModel.ts`. The result is a list of segments, small ones in memory and
 * large ones as the arrays or file ranges that the model holds, so a model of gigabytes is encoded in its structure's
 * size. A message that was decoded in another order or form than the canonical one is written back as it was.
 */
import { arraySource } from './byteSource';
import { byteLength, type Bytes, isFileRange, readBytes } from './fileRange';
import {
  type AnyMessage,
  elementWireType,
  type FieldSchema,
  type MessageSchema,
  type TraceEntry,
  unknownField,
  wireNotes,
  wireType,
} from './messageSchema';
import { arrayTypeOf, type NumericArray } from './typedArrayBuilder';
import { decodeMessage, minimalWidth } from './wireReader';

/** A message ready to be written: its segments in order, and their total size. */
export interface Encoded {
  readonly segments: readonly Bytes[];
  readonly bytes: number;
}

export interface EncodeOptions {
  /** Gives the message to write in place of another; used to move weights between files without changing the model. */
  readonly substitute?: (message: object) => object;
}

/**
 * @throws RangeError for a number that does not fit its field
 */
export function encodeMessage(message: object, schema: MessageSchema, options: EncodeOptions = {}): Encoded {
  // Lengths precede contents on the wire, so one pass measures every nested message and a second one writes.
  const sizes: number[] = [];
  const counter = new CountingSink(sizes);
  encodeFields(message as AnyMessage, schema, counter, options);
  const writer = new SegmentSink(sizes);
  encodeFields(message as AnyMessage, schema, writer, options);
  return { segments: writer.finish(), bytes: counter.total };
}

/** The encoding in one array; for small messages. Payloads in files are read. */
export function encodeToArray(message: object, schema: MessageSchema): Uint8Array {
  const { segments, bytes } = encodeMessage(message, schema);
  const target = new Uint8Array(bytes);
  let at = 0;
  for (const segment of segments) {
    target.set(readBytes(segment), at);
    at += byteLength(segment);
  }
  return target;
}

function encodeFields(message: AnyMessage, schema: MessageSchema, sink: Sink, options: EncodeOptions): void {
  const notes = message[wireNotes];
  if (notes === undefined) {
    for (const field of schema.fields) encodeRest(message, field, 0, sink, options);
    return;
  }
  const unknown = notes.unknown ?? [];
  const cursors = new Map<FieldSchema, number>();
  let unknownCursor = 0;
  for (const entry of notes.trace ?? []) {
    if (entry.number === unknownField) {
      for (const bytes of unknown.slice(unknownCursor, unknownCursor + entry.count)) sink.bytes(bytes);
      unknownCursor += entry.count;
      continue;
    }
    const field = schema.byNumber.get(entry.number);
    if (field === undefined) continue;
    const start = cursors.get(field) ?? 0;
    const end = Math.min(start + entry.count, occurrences(message[field.name], field));
    cursors.set(field, end);
    encodeRun({ message, schema, field, entry, start, end }, sink, options);
  }
  // What an edit added since decoding.
  for (const field of schema.fields) encodeRest(message, field, cursors.get(field) ?? 0, sink, options);
  for (const bytes of unknown.slice(unknownCursor)) sink.bytes(bytes);
}

interface RunToEncode {
  readonly message: AnyMessage;
  readonly schema: MessageSchema;
  readonly field: FieldSchema;
  readonly entry: TraceEntry;
  readonly start: number;
  readonly end: number;
}

/** Writes a run of elements in the form that the trace recorded. */
function encodeRun(run: RunToEncode, sink: Sink, options: EncodeOptions): void {
  const { field, entry, start, end } = run;
  const value = run.message[field.name];
  if (end === start) {
    if (entry.count === 0 && entry.form === 'packed') encodePacked(value, run, sink);
    return;
  }
  if (entry.raw !== undefined && end - start === entry.count && stillHolds(run, entry.raw)) {
    sink.bytes(entry.raw);
  } else if (entry.form === 'packed') encodePacked(value, run, sink);
  else for (let i = start; i < end; i++) encodeElement(elementAt(value, field, i), field, entry, sink, options);
}

/** Whether the model still has the value that `raw` was decoded to. */
function stillHolds({ message, schema, field, start, end }: RunToEncode, raw: Uint8Array): boolean {
  const original = decodeMessage<AnyMessage>(arraySource(raw), schema)[field.name];
  for (let i = start; i < end; i++) {
    const now = elementAt(message[field.name], field, i);
    const then = elementAt(original, field, i - start);
    const same =
      now instanceof Uint8Array && then instanceof Uint8Array ? Buffer.compare(now, then) === 0 : Object.is(now, then);
    if (!same) return false;
  }
  return true;
}

/** Writes a field canonically, from an element on. */
function encodeRest(message: AnyMessage, field: FieldSchema, start: number, sink: Sink, options: EncodeOptions): void {
  const value = message[field.name];
  const end = occurrences(value, field);
  if (start >= end) return;
  if (field.packed) encodePacked(value, { field, start, end }, sink);
  else for (let i = start; i < end; i++) encodeElement(elementAt(value, field, i), field, undefined, sink, options);
}

function encodeElement(
  value: unknown,
  field: FieldSchema,
  entry: TraceEntry | undefined,
  sink: Sink,
  options: EncodeOptions,
): void {
  const wire = elementWireType(field.kind);
  sink.varint(((field.number << 3) | wire) >>> 0, 0, entry?.tagWidth);
  switch (field.kind) {
    case 'message': {
      const schema = field.message!();
      const nested = (options.substitute?.(value as object) ?? value) as AnyMessage;
      sink.nested(() => encodeFields(nested, schema, sink, options), entry?.lengthWidth);
      return;
    }
    case 'string':
      sink.text(value as string, entry?.lengthWidth);
      return;
    case 'bytes':
    case 'largeBytes':
      sink.size(byteLength(value as Bytes), entry?.lengthWidth);
      sink.bytes(value as Bytes);
      return;
    default:
      encodeNumber(value as number | bigint, field, sink);
  }
}

function encodePacked(
  value: unknown,
  run: Pick<RunToEncode, 'field' | 'start' | 'end'> & { entry?: TraceEntry },
  sink: Sink,
): void {
  const { field, start, end, entry } = run;
  sink.varint(((field.number << 3) | wireType.delimited) >>> 0, 0, entry?.tagWidth);
  const wire = elementWireType(field.kind);
  if (wire === wireType.varint || Array.isArray(value)) {
    sink.nested(() => {
      for (let i = start; i < end; i++) encodeNumber(elementAt(value, field, i) as number | bigint, field, sink);
    }, entry?.lengthWidth);
    return;
  }
  const bytes = elementBytes(value as NumericArray | Bytes, field, start, end);
  sink.size(byteLength(bytes), entry?.lengthWidth);
  sink.bytes(bytes);
}

/** Elements of a floating-point field as bytes; memory order is wire order on every platform that Node.js supports well. */
function elementBytes(value: NumericArray | Bytes, field: FieldSchema, start: number, end: number): Bytes {
  const size = arrayTypeOf(field.kind).BYTES_PER_ELEMENT;
  if (isFileRange(value)) {
    // The very range where possible: `saveModel.ts` follows ranges by identity.
    if (start === 0 && end * size === value.length) return value;
    return { ...value, offset: value.offset + start * size, length: (end - start) * size };
  }
  return new Uint8Array(value.buffer, value.byteOffset + start * size, (end - start) * size);
}

function encodeNumber(value: number | bigint, field: FieldSchema, sink: Sink): void {
  switch (field.kind) {
    case 'float':
      sink.float(value as number);
      return;
    case 'double':
      sink.double(value as number);
      return;
    case 'int32': {
      const number = value as number;
      if (number !== (number | 0)) throw outOfRange(field, value);
      sink.varint(number >>> 0, number < 0 ? 0xffffffff : 0);
      return;
    }
    case 'int64Number': {
      const number = value as number;
      if (!Number.isSafeInteger(number)) throw outOfRange(field, value);
      const high = Math.floor(number / 0x100000000);
      sink.varint(number - high * 0x100000000, high >>> 0);
      return;
    }
    default: {
      const big = BigInt(value);
      const fits = field.kind === 'int64' ? BigInt.asIntN(64, big) : BigInt.asUintN(64, big);
      if (fits !== big) throw outOfRange(field, value);
      sink.varint(Number(BigInt.asUintN(32, big)), Number(BigInt.asUintN(32, big >> 32n)));
    }
  }
}

function outOfRange(field: FieldSchema, value: unknown): RangeError {
  return new RangeError(`${field.name} cannot hold ${String(value)}`);
}

function occurrences(value: unknown, field: FieldSchema): number {
  if (value === undefined || value === null) return 0;
  if (!field.repeated) return 1;
  if (isFileRange(value)) return value.length / arrayTypeOf(field.kind).BYTES_PER_ELEMENT;
  return (value as { length: number }).length;
}

function elementAt(value: unknown, field: FieldSchema, index: number): unknown {
  if (!field.repeated) return value;
  if (!isFileRange(value)) return (value as ArrayLike<unknown>)[index];
  const size = arrayTypeOf(field.kind).BYTES_PER_ELEMENT;
  const view = new DataView(readBytes(value, index * size, size).buffer);
  return size === 4 ? view.getFloat32(0, true) : view.getFloat64(0, true);
}

/** Receives an encoding. The two sinks see the same calls in the same order. */
interface Sink {
  varint(low: number, high: number, width?: number): void;
  /** A length in front of bytes. */
  size(bytes: number, width?: number): void;
  float(value: number): void;
  double(value: number): void;
  /** A string with its length. */
  text(value: string, width?: number): void;
  bytes(value: Bytes): void;
  /** A nested message with its length, which takes `width` bytes or the fewest possible. */
  nested(body: () => void, width?: number): void;
}

/** Measures: notes the size of every nested message in the order in which they begin. */
class CountingSink implements Sink {
  total = 0;

  constructor(private readonly sizes: number[]) {}

  varint(low: number, high: number, width = 0): void {
    this.total += Math.max(width, minimalWidth(low, high));
  }

  size(bytes: number, width = 0): void {
    this.varint(bytes % 0x100000000, Math.floor(bytes / 0x100000000), width);
  }

  float(): void {
    this.total += 4;
  }

  double(): void {
    this.total += 8;
  }

  text(value: string, width?: number): void {
    const length = Buffer.byteLength(value, 'utf8');
    this.size(length, width);
    this.total += length;
  }

  bytes(value: Bytes): void {
    this.total += byteLength(value);
  }

  nested(body: () => void, width?: number): void {
    const slot = this.sizes.length;
    this.sizes.push(0);
    const before = this.total;
    body();
    const size = this.total - before;
    this.sizes[slot] = size;
    this.size(size, width);
  }
}

const chunkSize = 64 * 1024;
/** Arrays from this size on become segments of their own instead of being copied into a chunk. */
const segmentThreshold = 4 * 1024;

class SegmentSink implements Sink {
  private readonly segments: Bytes[] = [];
  private chunk = Buffer.allocUnsafe(chunkSize);
  private used = 0;
  private next = 0;

  constructor(private readonly sizes: readonly number[]) {}

  finish(): Bytes[] {
    this.flush();
    return this.segments;
  }

  varint(low: number, high: number, width = 0): void {
    this.reserve(10);
    const bytes = Math.max(width, minimalWidth(low, high));
    for (let i = 1; i < bytes; i++) {
      this.chunk[this.used++] = (low & 0x7f) | 0x80;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    this.chunk[this.used++] = low;
  }

  size(bytes: number, width = 0): void {
    this.varint(bytes % 0x100000000, Math.floor(bytes / 0x100000000), width);
  }

  float(value: number): void {
    this.reserve(4);
    this.used = this.chunk.writeFloatLE(value, this.used);
  }

  double(value: number): void {
    this.reserve(8);
    this.used = this.chunk.writeDoubleLE(value, this.used);
  }

  text(value: string, width?: number): void {
    const length = Buffer.byteLength(value, 'utf8');
    this.size(length, width);
    if (length > chunkSize) this.bytes(Buffer.from(value, 'utf8'));
    else {
      this.reserve(length);
      this.used += this.chunk.write(value, this.used, 'utf8');
    }
  }

  bytes(value: Bytes): void {
    if (isFileRange(value) || value.byteLength >= segmentThreshold) {
      if (byteLength(value) === 0) return;
      this.flush();
      this.segments.push(value);
      return;
    }
    this.reserve(value.byteLength);
    this.chunk.set(value, this.used);
    this.used += value.byteLength;
  }

  nested(body: () => void, width?: number): void {
    const size = this.sizes[this.next++];
    if (size === undefined) throw new Error('the two encoding passes differ');
    this.size(size, width);
    body();
  }

  private reserve(length: number): void {
    if (this.used + length <= this.chunk.length) return;
    this.flush();
    if (length > this.chunk.length) this.chunk = Buffer.allocUnsafe(chunkSize);
  }

  private flush(): void {
    if (this.used === 0) return;
    this.segments.push(this.chunk.subarray(0, this.used));
    // The rest of a chunk serves the next segment.
    this.chunk = this.chunk.length - this.used < 1024 ? Buffer.allocUnsafe(chunkSize) : this.chunk.subarray(this.used);
    this.used = 0;
  }
}
