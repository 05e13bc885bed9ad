/**
 * One array in NumPy's format inside a file, read sample by sample: the first axis is never held whole.
 *
 * Used by `npyFile.ts` and `npzSource.ts` (whole files) and `npzArchive.ts` (the entries of an archive).
 */
import { readSync } from 'node:fs';
import { mkdtemp, open, rm, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { elementCount, type Tensor } from '../../contract/tensor';
import { npyHeaderSize, npyPrologueSize, parseNpyHeader, type NpyHeader } from './npyFormat';
import { arrayOver } from './typedArrays';

/** Bytes of an array within a file. */
export interface ByteRange {
  readonly handle: FileHandle;
  readonly offset: number;
  readonly size: number;
}

/**
 * Reads at once, not on Node's pool: data sets are read in a thread of their own, which has nothing else to do meanwhile, and the
 * pool's threads hold inferences.
 */
function readRange({ handle, offset, size }: ByteRange, from: number, length: number): Uint8Array<ArrayBuffer> {
  if (from + length > size) throw new Error('the file is truncated');
  // A buffer of its own that is not filled with zeros first: touching fresh memory takes longer than reading a cached file into it.
  const bytes = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
  for (let done = 0; done < length;) {
    const bytesRead = readSync(handle.fd, bytes, done, length - done, offset + from + done);
    if (bytesRead === 0) throw new Error('the file is truncated');
    done += bytesRead;
  }
  return bytes;
}

/** Values from Fortran order (first index fastest) to C order. */
function fromFortran(values: Uint8Array, dims: readonly number[], itemSize: number): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(values.length);
  const index = dims.map(() => 0);
  const strides: number[] = [];
  dims.reduce((stride, size) => (strides.push(stride), stride * size), itemSize);
  for (let at = 0; at < values.length; at += itemSize) {
    const source = index.reduce((sum, position, axis) => sum + position * strides[axis]!, 0);
    result.set(values.subarray(source, source + itemSize), at);
    for (let axis = dims.length - 1; axis >= 0 && ++index[axis]! === dims[axis]; axis--) index[axis] = 0;
  }
  return result;
}

/** Memory for a band of columns while a Fortran-ordered array is turned. */
const bandBytes = 32 << 20;

/** A temporary file, open, in a folder of its own. */
interface TemporaryCopy {
  readonly range: ByteRange;
  readonly folder: string;
}

async function removeCopy({ range, folder }: TemporaryCopy): Promise<void> {
  await range.handle.close();
  await rm(folder, { recursive: true, force: true });
}

export class ArrayFile {
  /** A copy of a Fortran-ordered array in which each sample lies together; samples are asked for at the same time. */
  private turned: Promise<TemporaryCopy> | undefined;

  private constructor(
    readonly header: NpyHeader,
    private readonly range: ByteRange,
  ) {}

  /** @throws Error saying what is wrong with the format */
  static open(range: ByteRange): ArrayFile {
    const prologue = readRange(range, 0, Math.min(npyPrologueSize, range.size));
    const header = parseNpyHeader(readRange(range, 0, npyHeaderSize(prologue)));
    const expected = header.dataOffset + elementCount(header.shape) * header.itemSize;
    if (range.size < expected) throw new Error(`the file is truncated: ${range.size} of ${expected} bytes`);
    return new ArrayFile(header, range);
  }

  /** The whole array: for files that hold one sample each. */
  read(): Tensor {
    const { shape, itemSize, dtype, bigEndian, fortranOrder, dataOffset } = this.header;
    const bytes = readRange(this.range, dataOffset, elementCount(shape) * itemSize);
    const ordered = fortranOrder && shape.length > 1 ? fromFortran(bytes, shape, itemSize) : bytes;
    return { dtype, dims: shape, data: arrayOver(ordered, dtype, bigEndian) };
  }

  /** Entry `index` of the first axis, without that axis. */
  async readRow(index: number): Promise<Tensor> {
    const { shape, itemSize, dtype, bigEndian, fortranOrder, dataOffset } = this.header;
    const dims = shape.slice(1);
    const size = elementCount(dims) * itemSize;
    if (!fortranOrder || shape.length === 1) {
      const bytes = readRange(this.range, dataOffset + index * size, size);
      return { dtype, dims, data: arrayOver(bytes, dtype, bigEndian) };
    }
    this.turned ??= this.turn();
    const bytes = readRange((await this.turned).range, index * size, size);
    return { dtype, dims, data: arrayOver(fromFortran(bytes, dims, itemSize), dtype, bigEndian) };
  }

  /**
   * In Fortran order the values of one sample are spread over the whole file. A temporary copy with the first axis
   * outermost is written once, band by band, so that memory stays bounded.
   */
  private async turn(): Promise<TemporaryCopy> {
    const { shape, itemSize } = this.header;
    const folder = await mkdtemp(join(tmpdir(), 'precision-bench-npy-'));
    const handle = await open(join(folder, 'rows'), 'w+');
    const copy = { folder, range: { handle, offset: 0, size: elementCount(shape) * itemSize } };
    try {
      await this.writeRows(handle);
      return copy;
    } catch (error) {
      await removeCopy(copy);
      throw error;
    }
  }

  private async writeRows(target: FileHandle): Promise<void> {
    const { shape, itemSize, dataOffset } = this.header;
    const rows = shape[0]!;
    const columns = elementCount(shape.slice(1));
    const band = Math.max(1, Math.floor(bandBytes / (rows * itemSize)));
    for (let column = 0; column < columns; column += band) {
      const count = Math.min(band, columns - column);
      const bytes = readRange(this.range, dataOffset + column * rows * itemSize, count * rows * itemSize);
      const line = new Uint8Array(count * itemSize);
      for (let row = 0; row < rows; row++) {
        for (let at = 0; at < count; at++) {
          const source = (at * rows + row) * itemSize;
          line.set(bytes.subarray(source, source + itemSize), at * itemSize);
        }
        await target.write(line, 0, line.length, (row * columns + column) * itemSize);
      }
    }
  }

  /** Removes temporary copies. The handle of the range belongs to the caller. */
  async close(): Promise<void> {
    // One that could not be made has removed itself.
    const copy = await this.turned?.catch(() => undefined);
    this.turned = undefined;
    if (copy !== undefined) await removeCopy(copy);
  }
}
