/**
 * The header of NumPy's `.npy` format, versions 1 to 3: element type, order, shape.
 *
 * Source: numpy/lib/format.py. The values that follow are read by `arrayFile` in ranges. Written here because the
 * published readers take the whole file into memory.
 */
import type { DType } from '../../contract/tensor';

export interface NpyHeader {
  readonly dtype: DType;
  readonly itemSize: number;
  readonly bigEndian: boolean;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
  /** Where the values begin. */
  readonly dataOffset: number;
}

/** NumPy's type codes without the byte order; `V2` is what ml_dtypes' bfloat16 is saved as. */
const types: Readonly<Record<string, DType>> = {
  f2: 'fp16', f4: 'fp32', f8: 'fp64', i1: 'int8', i2: 'int16', i4: 'int32', i8: 'int64',
  u1: 'uint8', u2: 'uint16', u4: 'uint32', u8: 'uint64', b1: 'bool', V2: 'bf16',
}; // prettier-ignore

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
/** Bytes that are enough for magic, version and length. */
export const npyPrologueSize = 12;

/** Number of bytes up to the values, from the first `npyPrologueSize` bytes. @throws Error when it is no .npy */
export function npyHeaderSize(bytes: Uint8Array): number {
  if (bytes.length < npyPrologueSize || !magic.every((byte, at) => bytes[at] === byte)) {
    throw new Error('it is not in the .npy format');
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const version = bytes[6]!;
  if (version < 1 || version > 3) throw new Error(`.npy version ${version} is not supported`);
  return version === 1 ? 10 + view.getUint16(8, true) : 12 + view.getUint32(8, true);
}

/** Parses the header: a Python dictionary literal with the keys descr, fortran_order and shape. @throws Error */
export function parseNpyHeader(bytes: Uint8Array): NpyHeader {
  const dataOffset = npyHeaderSize(bytes);
  if (bytes.length < dataOffset) throw new Error('the header is truncated');
  const text = new TextDecoder().decode(bytes.subarray(bytes[6] === 1 ? 10 : 12, dataOffset));
  const descr = /'descr'\s*:\s*(?:'([^']*)'|(\[))/.exec(text);
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(text);
  const shape = /'shape'\s*:\s*\(([^)]*)\)/.exec(text);
  if (descr === null || order === null || shape === null) throw new Error('the header is malformed');
  if (descr[2] !== undefined) throw new Error('structured arrays are not supported');
  const code = descr[1]!;
  const dtype = types[code.slice(1)];
  if (dtype === undefined) {
    const hint = code.includes('O') ? ' (Python objects)' : /[US]/.test(code) ? ' (text)' : '';
    throw new Error(`the element type ${code}${hint} is not supported`);
  }
  const sizes = shape[1]!
    .split(',')
    .filter((size) => size.trim() !== '')
    .map((size) => Number.parseInt(size, 10));
  if (sizes.some((size) => !Number.isSafeInteger(size) || size < 0)) throw new Error('the shape is malformed');
  return {
    dtype,
    itemSize: Number(code.slice(2)),
    bigEndian: code.startsWith('>'),
    fortranOrder: order[1] === 'True',
    shape: sizes,
    dataOffset,
  };
}
