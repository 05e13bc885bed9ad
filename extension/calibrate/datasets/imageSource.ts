/**
 * Pictures in files: class folders as torchvision's ImageFolder has them, a folder of pictures, a single picture.
 *
 * Class folders: every subfolder is a class, classes sorted by name, labels are their indices, files at any depth.
 */
import { basename, join, relative } from 'node:path';
import { CodedError } from '../../contract/errors';
import type { SampleInfo } from '../dataset';
import { labelsOfFiles, readLabels } from '../labels';
import { decodeImage } from '../transforms/decodeImage';
import { imageExtensions } from '../transforms/imageExtensions';
import { hashFiles } from './hashFiles';
import { listFiles, listFolder } from './listFiles';
import type { SampleSource, SampleStep } from './sampleSource';

interface ImageFile extends SampleInfo {
  readonly file: string;
  readonly steps: readonly SampleStep[];
}

interface ImageSet {
  readonly kind: SampleSource['kind'];
  readonly root: string;
  readonly files: readonly ImageFile[];
  readonly labelled: boolean;
  readonly classes: readonly string[] | null;
  /** Hashed with the pictures when it decides what is done to them. */
  readonly labelsFile: string | null;
}

/** Folder names of the usual splits; they are no classes. */
const splitNames = new Set([
  'train', 'training', 'test', 'testing', 'val', 'valid', 'validation', 'eval', 'evaluation', 'calib', 'calibration', 'dev',
]); // prettier-ignore

function sourceOf(set: ImageSet): SampleSource {
  const at = (index: number): ImageFile => {
    const file = set.files[index];
    if (file === undefined) throw new RangeError(`sample ${index} of ${set.files.length}`);
    return file;
  };
  const changesPictures = set.files.some(({ steps }) => steps.length > 0);
  const hashed = set.files.map(({ file }) => file);
  if (changesPictures && set.labelsFile !== null) hashed.push(set.labelsFile);
  return {
    kind: set.kind,
    length: set.files.length,
    labelled: set.labelled,
    classes: set.classes,
    describe: (index) => at(index),
    async read(index) {
      const { file, id, label, steps } = at(index);
      return { id, label, steps, values: [await decodeImage(file)] };
    },
    sha256: () => hashFiles(hashed, set.root),
    close: () => Promise.resolve(),
  };
}

const idOf = (root: string, file: string) => relative(root, file).split('\\').join('/');

function noImages(folder: string): CodedError {
  return new CodedError({
    code: 'DATA_EMPTY',
    reason: `The folder ${folder} holds no pictures.`,
    fix: `Give a folder with files of these kinds: ${imageExtensions.join(' ')}, or .npy, .npz, test_data_set_*.`,
    place: { file: folder },
  });
}

/** Pictures with labels from a file, or without labels; subfolders included. */
export async function openImageFolder(folder: string, labels: string | null): Promise<SampleSource> {
  const files = await listFiles(folder, imageExtensions);
  if (files.length === 0) throw noImages(folder);
  const table = labels === null ? null : await readLabels(labels);
  const entries = table === null ? null : labelsOfFiles(table, files, folder);
  return sourceOf({
    kind: 'imageFolder',
    root: folder,
    files: files.map((file, at) => ({
      file,
      id: idOf(folder, file),
      label: entries?.[at]?.label ?? null,
      steps: entries?.[at]?.steps ?? [],
    })),
    labelled: entries !== null,
    classes: table?.classes ?? null,
    labelsFile: labels,
  });
}

export async function openImageFile(file: string, labels: string | null): Promise<SampleSource> {
  const table = labels === null ? null : await readLabels(labels);
  const root = join(file, '..');
  const entry = table === null ? null : labelsOfFiles(table, [file], root)[0]!;
  return sourceOf({
    kind: 'imageFolder',
    root,
    files: [{ file, id: basename(file), label: entry?.label ?? null, steps: entry?.steps ?? [] }],
    labelled: entry !== null,
    classes: table?.classes ?? null,
    labelsFile: labels,
  });
}

export async function openClassFolders(folder: string): Promise<SampleSource> {
  const { folders } = await listFolder(folder);
  const perClass = await Promise.all(folders.map((name) => listFiles(join(folder, name), imageExtensions)));
  const empty = folders.find((_, label) => perClass[label]!.length === 0);
  if (empty !== undefined) {
    // torchvision's rule: a class without a picture would shift no label, but is nearly always a wrong folder.
    throw new CodedError({
      code: 'DATA_EMPTY',
      reason: `The class folder ${join(folder, empty)} holds no pictures.`,
      fix: 'Remove the folder or put pictures of the class into it.',
      place: { file: join(folder, empty) },
    });
  }
  const files = perClass.flatMap((paths, label) =>
    paths.map((file) => ({ file, id: idOf(folder, file), label, steps: [] })),
  );
  return sourceOf({ kind: 'classFolders', root: folder, files, labelled: true, classes: folders, labelsFile: null });
}

/**
 * What a folder without a labels file is. Subfolders named as splits (`train`, `test`) are no classes: where they hold
 * class folders the user has to choose one, else the pictures in them are unlabelled.
 * @throws CodedError DATA_UNREADABLE when the folder holds several splits of class folders
 */
export async function imageFolderKind(folder: string): Promise<'classFolders' | 'imageFolder' | 'none'> {
  const { files, folders } = await listFolder(folder);
  if (files.some((file) => imageExtensions.some((extension) => file.toLowerCase().endsWith(extension)))) {
    return 'imageFolder';
  }
  const withImages: string[] = [];
  for (const name of folders) {
    if ((await listFiles(join(folder, name), imageExtensions)).length > 0) withImages.push(name);
  }
  if (withImages.length === 0) return 'none';
  if (!withImages.every((name) => splitNames.has(name.toLowerCase()))) return 'classFolders';
  for (const name of withImages) {
    if ((await listFolder(join(folder, name))).folders.length === 0) continue;
    throw new CodedError({
      code: 'DATA_UNREADABLE',
      reason: `The folder ${folder} holds splits (${withImages.join(', ')}), not classes.`,
      fix: `Give one of them: --data ${join(folder, withImages[0]!)}${withImages[1] === undefined ? '' : ` --eval-data ${join(folder, withImages[1])}`}.`,
      place: { file: folder },
    });
  }
  return 'imageFolder';
}
