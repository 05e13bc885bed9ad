/** Writes small data sets for the tests: pictures, NumPy files in every variant, manifests. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { encode } from 'fast-png';
import { zipSync, type Zippable } from 'fflate';
import { afterAll, onTestFinished } from 'vitest';
import type { Dataset, OpenDatasetOptions } from '../../../../extension/calibrate/dataset';
import { openDataset } from '../../../../extension/calibrate/datasets/openDataset';
import type { DType, ValueSpec } from '../../../../extension/contract/tensor';

/** A folder that goes away after the tests of the file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'datasets-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function write(folder: string, name: string, content: Uint8Array | string): string {
  const file = join(folder, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  return file;
}

/** A gray PNG whose pixels all have one value. */
export function grayPng(value: number, height = 2, width = 2): Uint8Array {
  return encode({ width, height, channels: 1, data: new Uint8Array(height * width).fill(value) });
}

export function rgbPng(color: readonly [number, number, number], height = 2, width = 2): Uint8Array {
  const data = Uint8Array.from({ length: height * width * 3 }, (_, at) => color[at % 3]!);
  return encode({ width, height, channels: 3, data });
}

export interface NpyOptions {
  readonly fortran?: boolean;
  readonly version?: 1 | 2 | 3;
}

/** A `.npy` file as numpy.save writes it. `data` must already be in the order that `fortran` says. */
export function npy(descr: string, shape: readonly number[], data: Uint8Array, options: NpyOptions = {}): Uint8Array {
  const { fortran = false, version = 1 } = options;
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${sizes}), }`;
  const prefix = version === 1 ? 10 : 12;
  const padded = text.padEnd(Math.ceil((text.length + 1 + prefix) / 64) * 64 - prefix - 1) + '\n';
  const header = Buffer.alloc(prefix);
  header.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0]);
  if (version === 1) header.writeUInt16LE(padded.length, 8);
  else header.writeUInt32LE(padded.length, 8);
  return Buffer.concat([header, Buffer.from(padded, 'latin1'), data]);
}

export const bytesOf = (values: ArrayBufferView) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
export const npyFloats = (shape: readonly number[], values: Iterable<number>) =>
  npy('<f4', shape, bytesOf(Float32Array.from(values)));
export const npyIntegers = (shape: readonly number[], values: readonly number[]) =>
  npy('<i8', shape, bytesOf(BigInt64Array.from(values, BigInt)));

/** A `.npz` as numpy.savez (stored) or savez_compressed (deflated) writes it. */
export function npz(arrays: Readonly<Record<string, Uint8Array>>, compressed = false): Uint8Array {
  const entries: Zippable = {};
  for (const [name, bytes] of Object.entries(arrays)) entries[`${name}.npy`] = [bytes, { level: compressed ? 6 : 0 }];
  return zipSync(entries);
}

export const spec = (name: string, shape: ValueSpec['shape'], dtype: DType = 'fp32'): ValueSpec => ({
  name,
  dtype,
  shape,
});

/** A data set that is closed with the test at the latest. */
export async function open(
  source: string,
  inputs: readonly ValueSpec[],
  rest: Partial<OpenDatasetOptions> = {},
): Promise<Dataset> {
  const dataset = await openDataset({
    source,
    labels: null,
    transforms: [{ op: 'toTensor', scale: 1 }],
    inputs,
    ...rest,
  });
  onTestFinished(() => dataset.close());
  return dataset;
}

/** All labels, read with the samples. */
export async function labelsOf(dataset: Dataset): Promise<unknown[]> {
  const labels = [];
  for (let index = 0; index < dataset.length; index++) labels.push((await dataset.get(index)).label);
  return labels;
}

/** The values of a sample's only input. */
export async function valuesOf(dataset: Dataset, index: number): Promise<number[]> {
  const { tensors } = await dataset.get(index);
  return Array.from(Object.values(tensors)[0]!.data as ArrayLike<number | bigint>, Number);
}
