/**
 * Decodes a picture file into 8-bit gray or RGB, by its content and not its name, as PIL does.
 *
 * First step of every picture data set; `applyTransforms` comes next.
 */
import { readFile } from 'node:fs/promises';
import { UnreadableSample } from '../dataset';
import { decodeBmp } from './decodeBmp';
import { decodeJpeg } from './decodeJpeg';
import { decodePng } from './decodePng';
import { decodePnm } from './decodePnm';
import { decodeTiff } from './decodeTiff';
import { decodeWebp } from './decodeWebp';
import type { Image } from './pixels';

interface Format {
  readonly name: string;
  readonly magic: readonly number[];
  readonly decode: ((bytes: Uint8Array) => Image | Promise<Image>) | null;
}

const formats: readonly Format[] = [
  { name: 'JPEG', magic: [0xff, 0xd8, 0xff], decode: decodeJpeg },
  { name: 'PNG', magic: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a], decode: decodePng },
  { name: 'BMP', magic: [0x42, 0x4d], decode: decodeBmp },
  { name: 'PGM', magic: [0x50, 0x35], decode: decodePnm },
  { name: 'PPM', magic: [0x50, 0x36], decode: decodePnm },
  { name: 'WebP', magic: [0x52, 0x49, 0x46, 0x46], decode: decodeWebp },
  { name: 'TIFF', magic: [0x49, 0x49, 0x2a, 0x00], decode: decodeTiff },
  { name: 'TIFF', magic: [0x4d, 0x4d, 0x00, 0x2a], decode: decodeTiff },
  { name: 'GIF', magic: [0x47, 0x49, 0x46, 0x38], decode: null },
];

function unreadable(file: string, why: string, fix: string, cause?: unknown): UnreadableSample {
  return new UnreadableSample(
    { code: 'DATA_UNREADABLE', reason: `${file} cannot be decoded: ${why}.`, fix, place: { file } },
    { cause },
  );
}

/** @throws UnreadableSample DATA_UNREADABLE naming the file and the decoder's complaint */
export async function decodeImage(file: string): Promise<Image> {
  let bytes: Uint8Array;
  try {
    const buffer = await readFile(file);
    // A plain array: `slice` of a Buffer would share memory.
    bytes = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
  } catch (error) {
    throw unreadable(file, (error as Error).message, 'Check that the file exists and can be read.', error);
  }
  const format = formats.find(({ magic }) => magic.every((byte, at) => bytes[at] === byte));
  if (format === undefined) {
    throw unreadable(file, 'it is no picture of a known format', 'Use JPEG, PNG, WebP, TIFF, BMP, PGM or PPM.');
  }
  if (format.decode === null) {
    throw unreadable(file, `${format.name} is not supported`, 'Convert it to PNG, which is lossless.');
  }
  try {
    return await format.decode(bytes);
  } catch (error) {
    const why = `corrupt ${format.name} (${(error as Error).message})`;
    throw unreadable(file, why, 'Replace or remove the file.', error);
  }
}
