/** Tensor ranges between two requests: a JSON file in the run's scratch folder. */
import { readFile, writeFile } from 'node:fs/promises';
import type { InputMoments, TensorRange, TensorRanges } from '../../contract/calibrationTable';

export async function writeRanges(ranges: TensorRanges, file: string): Promise<void> {
  const { representative, samples, tensors, inputMoments } = ranges;
  const moments = inputMoments === undefined ? {} : { inputMoments: [...inputMoments] };
  await writeFile(file, JSON.stringify({ representative, samples, tensors: [...tensors], ...moments }));
}

export async function readRanges(file: string): Promise<TensorRanges> {
  const { representative, samples, tensors, inputMoments } = JSON.parse(await readFile(file, 'utf8')) as {
    representative: boolean;
    samples: number;
    tensors: [string, TensorRange][];
    inputMoments?: [string, InputMoments][];
  };
  const moments = inputMoments === undefined ? {} : { inputMoments: new Map(inputMoments) };
  return { representative, samples, tensors: new Map(tensors), ...moments };
}
