/** Writes NumPy's .npy format (version 1.0) for tests. */

/** A float32 array of the given shape; `value` gives each element by its flat index. */
export function npy(dims: readonly number[], value: (index: number) => number = () => 0.5): Uint8Array {
  const count = dims.reduce((product, size) => product * size, 1);
  const shape = dims.length === 1 ? `${dims[0]},` : dims.join(', ');
  const dictionary = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape}), }`;
  const padding = 64 - ((10 + dictionary.length + 1) % 64);
  const header = `${dictionary}${' '.repeat(padding % 64)}\n`;
  const bytes = new Uint8Array(10 + header.length + 4 * count);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 0xff, header.length >> 8]);
  bytes.set(Buffer.from(header, 'latin1'), 10);
  const view = new DataView(bytes.buffer, 10 + header.length);
  for (let index = 0; index < count; index++) view.setFloat32(4 * index, value(index), true);
  return bytes;
}
