/** A whole `.npy` file as one tensor: one sample's input (folders of arrays, manifests). */
import { open } from 'node:fs/promises';
import type { Tensor } from '../../contract/tensor';
import { UnreadableSample } from '../dataset';
import { ArrayFile } from './arrayFile';

/** @throws UnreadableSample DATA_UNREADABLE */
export async function readNpyFile(file: string): Promise<Tensor> {
  try {
    const handle = await open(file, 'r');
    try {
      const array = ArrayFile.open({ handle, offset: 0, size: (await handle.stat()).size });
      return array.read();
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw new UnreadableSample(
      {
        code: 'DATA_UNREADABLE',
        reason: `${file} cannot be read: ${(error as Error).message}.`,
        fix: 'Write it again with numpy.save.',
        place: { file },
      },
      { cause: error },
    );
  }
}
