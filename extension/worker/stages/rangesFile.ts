/** Tensor ranges between two requests: a JSON file in the run's scratch folder. */
import { readFile, writeFile } from 'node:fs/promises';
import type { TensorRange, TensorRanges } from '../../contract/calibrationTable';

export async function writeRanges({ representative, samples, tensors }: TensorRanges, file: string): Promise<void> {
  await writeFile(file, JSON.stringify({ representative, samples, tensors: [...tensors] }));
}

export async function readRanges(file: string): Promise<TensorRanges> {
  const { representative, samples, tensors } = JSON.parse(await readFile(file, 'utf8')) as {
    representative: boolean;
    samples: number;
    tensors: [string, TensorRange][];
  };
  return { representative, samples, tensors: new Map(tensors) };
}
