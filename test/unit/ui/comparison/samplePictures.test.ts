import * as path from 'node:path';
import { expect, it } from 'vitest';
import type { Report } from '../../../../extension/contract/report';
import { pictureFile } from '../../../../extension/ui/comparison/samplePictures';

const data = (kind: string, source: string): Report['data']['evaluation'] => ({
  kind,
  source,
  samples: 1,
  sha256: null,
  labelled: true,
  skipped: 0,
});

it.each([
  ['classFolders', '/d', '3/x.png', '/d/3/x.png'],
  ['imageFolder', '/d', 'x.JPG', '/d/x.JPG'],
  ['imageFolder', '/d/one.png', 'one.png', '/d/one.png'],
  ['manifest', '/d/list.csv', 'pics/x.webp', '/d/pics/x.webp'],
  ['manifest', '/d/list.csv', '/elsewhere/x.png', '/elsewhere/x.png'],
])('%s in %s: %s', (kind, source, sample, expected) => {
  expect(pictureFile(data(kind, source), sample)).toBe(path.normalize(expected));
});

it('has no file where samples are arrays, or there is no data', () => {
  expect(pictureFile(data('npz', '/d.npz'), '3')).toBeNull();
  expect(pictureFile(data('python', '/d.py:D()'), 'x.png')).toBeNull();
  expect(pictureFile(data('manifest', '/d/list.csv'), 'x.npy')).toBeNull();
  expect(pictureFile(null, 'x.png')).toBeNull();
});
