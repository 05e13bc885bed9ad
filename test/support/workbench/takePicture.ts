/** Pictures of the workbench for the README and the docs, small enough to be committed. */
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import sharp from 'sharp';

const folder = resolve(import.meta.dirname, '../../../media/screenshots');

/** Writes `media/screenshots/<name>.png`, in a palette of at most 256 colors: user interfaces have few. */
export async function takePicture(what: Page | Locator, name: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const picture = await what.screenshot({ animations: 'disabled', caret: 'hide' });
  await sharp(picture)
    .png({ palette: true, colors: 256, quality: 95, dither: 0, compressionLevel: 9, effort: 10 })
    .toFile(`${folder}/${name}.png`);
}
