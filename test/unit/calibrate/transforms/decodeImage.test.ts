import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from 'fast-png';
import { afterAll, describe, expect, it } from 'vitest';
import { decodeImage } from '../../../../extension/calibrate/transforms/decodeImage';
import { largestDifference, readFixture, unpack } from './fixturePictures';

interface DecodeCase {
  readonly name: string;
  readonly file: string;
  readonly size: readonly [number, number, number];
  readonly values: string;
}
const { cases } = readFixture<{ cases: DecodeCase[] }>('decode.json');
const folder = mkdtempSync(join(tmpdir(), 'decode-image-'));
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, bytes: Uint8Array): string {
  const file = join(folder, name);
  writeFileSync(file, bytes);
  return file;
}
const bytesOf = (name: string) => Buffer.from(cases.find((test) => test.name === name)!.file, 'base64');

/** Kinds that PIL reads and we refuse. */
const refused = ['gif'];

describe('decodeImage', () => {
  for (const { name, file, size, values } of cases.filter((test) => !refused.includes(test.name))) {
    it(`decodes ${name} to PIL's pixels`, async () => {
      const image = await decodeImage(write(name, Buffer.from(file, 'base64')));
      expect([image.height, image.width, image.channels]).toEqual(size);
      expect(image.data.constructor).toBe(Uint8Array);
      // CMYK is not decoded by libjpeg-turbo.
      expect(largestDifference(image.data, unpack(values))).toBeLessThanOrEqual(name === 'jpegCmyk' ? 2 : 0);
    });
  }

  it('goes by content, not by name', async () => {
    const image = await decodeImage(write('really-a-png.jpg', bytesOf('pngRgb')));
    expect(image.channels).toBe(3);
  });

  it('keeps the high byte of 16-bit PNGs', async () => {
    const data = Uint16Array.of(0, 0x1234, 0x80ff, 0xffff);
    const file = write('deep.png', encode({ width: 2, height: 2, channels: 1, depth: 16, data }));
    expect([...(await decodeImage(file)).data]).toEqual([0, 0x12, 0x80, 0xff]);
  });

  it('refuses what it cannot read, naming the file and the cause', async () => {
    const jpeg = bytesOf('jpeg444');
    const png = bytesOf('pngRgb');
    const flipped = Buffer.from(png);
    flipped[png.length - 20]! ^= 0xff;
    const broken: [string, Uint8Array, RegExp][] = [
      ['truncated.jpg', jpeg.subarray(0, jpeg.length / 2), /corrupt JPEG \(it is truncated/],
      [
        'garbage.jpg',
        Buffer.concat([Buffer.from([0xff, 0xd8, 0xff]), Buffer.alloc(99, 7)]),
        /corrupt JPEG \(it has no picture/,
      ],
      ['print.jpg', bytesOf('jpegCmyk').subarray(0, 700), /corrupt JPEG/],
      ['truncated.png', png.subarray(0, png.length - 30), /corrupt PNG/],
      ['flipped.png', flipped, /corrupt PNG/],
      ['truncated.bmp', bytesOf('bmp24').subarray(0, 200), /corrupt BMP \(the file is truncated/],
      ['truncated.ppm', bytesOf('ppm').subarray(0, 99), /corrupt PPM \(the file is truncated/],
      ['truncated.webp', bytesOf('webpLossy').subarray(0, 60), /corrupt WebP/],
      ['truncated.tif', bytesOf('tiff').subarray(0, 60), /corrupt TIFF/],
      ['empty.png', new Uint8Array(), /no picture of a known format/],
      ['movie.gif', bytesOf('gif'), /GIF is not supported/],
      ['text.png', Buffer.from('hello'), /no picture of a known format/],
    ];
    for (const [name, bytes, reason] of broken) {
      const file = write(name, bytes);
      const error: unknown = await decodeImage(file).catch((caught: unknown) => caught);
      expect(error, name).toMatchObject({ code: 'DATA_UNREADABLE', place: { file } });
      expect((error as { reason: string }).reason, name).toMatch(reason);
    }
  });

  it('still decodes after a corrupt file', async () => {
    await expect(decodeImage(write('bad.jpg', bytesOf('jpeg444').subarray(0, 300)))).rejects.toThrow();
    const { size, values } = cases.find(({ name }) => name === 'jpeg420')!;
    const image = await decodeImage(write('good.jpg', bytesOf('jpeg420')));
    expect([image.height, image.width, image.channels]).toEqual(size);
    expect(largestDifference(image.data, unpack(values))).toBe(0);
  });

  it('refuses a file that is not there', async () => {
    await expect(decodeImage(join(folder, 'missing.png'))).rejects.toMatchObject({ code: 'DATA_UNREADABLE' });
  });
});
