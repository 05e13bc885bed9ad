/** The identity of data whose files are out of sight (modules, Python): a hash of some samples, evenly spread. */
import { createHash } from 'node:crypto';
import { isTensor, type RawSample } from './sampleSource';

const hashedSamples = 8;

export async function hashSamples(read: (index: number) => Promise<RawSample>, length: number): Promise<string> {
  const hash = createHash('sha256');
  const count = Math.min(hashedSamples, length);
  for (let at = 0; at < count; at++) {
    const index = Math.floor((at * length) / count);
    const sample = await read(index).catch(() => null);
    for (const [name, value] of Object.entries(sample?.values ?? {})) {
      const { data } = value;
      hash.update(`${index} ${name} ${isTensor(value) ? `${value.dtype} ${value.dims.join('x')}` : 'picture'}\0`);
      hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
  }
  return hash.digest('hex');
}
