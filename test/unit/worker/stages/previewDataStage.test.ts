import { decode } from 'fast-png';
import { expect, it } from 'vitest';
import { completePlan, type PlanParts } from '../../../../extension/contract/checkSchema';
import type { PreviewMethods } from '../../../../extension/contract/previewMethods';
import { previewDataStage } from '../../../../extension/worker/stages/previewDataStage';
import { grayPng, npyFloats, npyIntegers, npz, rgbPng, write } from '../../calibrate/datasets/makeData';
import { encodeModel, reluModel, temporaryFolder, value, writeFile } from '../../model/buildModel';

type Params = PreviewMethods['previewData']['params'];

function setUp(shape: (number | string)[]) {
  const baseDir = temporaryFolder();
  const parts = { inputs: [value('x', shape)], outputs: [value('y', shape)] };
  const model = writeFile(baseDir, 'model.onnx', encodeModel(reluModel(parts)));
  const preview = (sections: Omit<PlanParts, 'model'>, more: Partial<Params> = {}) => {
    const plan = completePlan({ model: 'model.onnx', ...sections });
    return previewDataStage({
      model,
      plan,
      baseDir,
      python: 'python3',
      of: 'calibration',
      pick: { count: 4 },
      ...more,
    });
  };
  return { baseDir, preview };
}

const pixels = (url: string | null | undefined) => {
  expect(url).toMatch(/^data:image\/png;base64,/);
  return decode(Buffer.from((url ?? '').split(',')[1] ?? '', 'base64'));
};

it('shows pictures as they are and as the model sees them, from every class', async () => {
  const { baseDir, preview } = setUp(['N', 3, 8, 8]);
  for (const [name, color] of [
    ['cat', [255, 0, 0]],
    ['dog', [0, 0, 255]],
  ] as const) {
    for (let at = 0; at < 5; at++) write(baseDir, `d/${name}/${at}.png`, rgbPng(color, 200, 400));
  }
  const result = await preview({
    calibration: { data: 'd' },
    preprocess: [{ op: 'resize', size: [8, 8] }, { op: 'toTensor' }],
  });
  expect(result.card).toEqual({ source: `${baseDir}/d`, kind: 'classFolders', samples: 10, sha256: null });
  expect(result.samples.map(({ label }) => label)).toEqual(['cat', 'cat', 'dog', 'dog']);
  expect(result.sampleDims).toEqual({ x: [1, 3, 8, 8] });
  const [first] = result.samples;
  const raw = pixels(first?.raw);
  expect([raw.width, raw.height, ...raw.data.slice(0, 3)]).toEqual([128, 64, 255, 0, 0]);
  const [input] = first?.inputs ?? [];
  expect(input).toMatchObject({ name: 'x', dtype: 'fp32', dims: [1, 3, 8, 8], min: 0, max: 1 });
  expect(input?.mean).toBeCloseTo(1 / 3);
  expect(input?.std).toBeCloseTo(Math.sqrt(2) / 3);
  expect([...pixels(input?.picture).data.slice(0, 3)]).toEqual([255, 0, 0]);
});

it('finds samples by the names that reports have, in evaluation data of its own', async () => {
  const { baseDir, preview } = setUp(['N', 1, 8, 8]);
  for (let at = 0; at < 3; at++) write(baseDir, `e/${at}.png`, grayPng(at * 50, 8, 8));
  write(baseDir, 'c/0.png', grayPng(9, 8, 8));
  const result = await preview(
    { calibration: { data: 'c' }, evaluation: { data: 'e' } },
    { of: 'evaluation', pick: { ids: ['2.png', 'gone.png'] } },
  );
  expect(result.samples.map(({ id }) => id)).toEqual(['2.png']);
  expect(pixels(result.samples[0]?.raw).data[0]).toBe(100);
});

it('has numbers but no picture for vectors, and names the classes of labels only', async () => {
  const { baseDir, preview } = setUp(['N', 4]);
  write(
    baseDir,
    'd.npz',
    npz({ x: npyFloats([2, 4], [0, 1, 2, 3, 4, 5, 6, 7]), labels: npyIntegers([2], [7, 8]) }, false),
  );
  const result = await preview({ calibration: { data: 'd.npz' } });
  expect(result.samples.map(({ label, raw }) => [label, raw])).toEqual([
    ['7', null],
    ['8', null],
  ]);
  expect(result.samples[1]?.inputs).toEqual([
    { name: 'x', dtype: 'fp32', dims: [1, 4], min: 4, max: 7, mean: 5.5, std: Math.sqrt(1.25), picture: null },
  ]);
});

it('goes on past a corrupt picture and says so', async () => {
  const { baseDir, preview } = setUp(['N', 1, 4, 4]);
  write(baseDir, 'd/a.png', grayPng(1, 4, 4));
  write(baseDir, 'd/b.png', 'no picture');
  const result = await preview({ calibration: { data: 'd' } });
  expect(result.samples.map(({ id }) => id)).toEqual(['a.png']);
  expect(result.warnings).toEqual([expect.stringContaining('b.png')]);
});

it('previews made-up data where none is given, and refuses data that is not there', async () => {
  const { preview } = setUp(['N', 4]);
  expect((await preview({})).card.kind).toBe('random');
  await expect(preview({ calibration: { data: 'nowhere' } })).rejects.toMatchObject({ code: 'DATA_NOT_FOUND' });
});
