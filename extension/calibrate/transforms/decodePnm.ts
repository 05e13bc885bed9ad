/** Binary PGM (P5) and PPM (P6), 8 bits a value: the Netpbm formats that torchvision's ImageFolder accepts. */
import type { Image } from './pixels';

/** @throws Error when the header is malformed, the depth is not 8 bits or data is missing */
export function decodePnm(bytes: Uint8Array): Image {
  const channels = bytes[1] === 0x35 ? 1 : 3;
  let at = 2;
  const readNumber = (): number => {
    let text = '';
    for (; at < bytes.length; at++) {
      const character = String.fromCharCode(bytes[at]!);
      if (/\d/.test(character)) text += character;
      else if (text !== '') break;
      else if (character === '#') while (at < bytes.length && bytes[at] !== 0x0a) at++;
      else if (!/\s/.test(character)) break;
    }
    if (text === '') throw new Error('the header is malformed');
    return Number(text);
  };
  const width = readNumber();
  const height = readNumber();
  const maximum = readNumber();
  if (maximum !== 255) throw new Error(`the largest value is ${maximum}; only 255 is supported`);
  const start = at + 1;
  const size = width * height * channels;
  if (bytes.length < start + size) throw new Error('the file is truncated');
  return { width, height, channels, layout: 'hwc', data: bytes.slice(start, start + size) };
}
