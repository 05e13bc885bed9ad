import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  findLibraries,
  librarySetting,
  searchFolders,
  searchLibraries,
  searchSteps,
  versionText,
} from '../../../extension/backends/libraries';

describe.skipIf(process.platform === 'win32')('libraries', () => {
  let root = '';
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'libraries-'));
  });
  afterEach(async () => rm(root, { recursive: true }));

  async function put(...path: string[]): Promise<void> {
    const file = join(root, ...path);
    await mkdir(join(file, '..'), { recursive: true });
    await writeFile(file, '');
  }
  const putRtx = async (...folder: string[]): Promise<void> => {
    await put(...folder, 'libtensorrt_rtx.so.1');
    await put(...folder, 'libtensorrt_onnxparser_rtx.so.1');
  };
  const context = (environment: NodeJS.ProcessEnv = {}) => ({
    environment,
    workspace: join(root, 'workspace'),
    home: join(root, 'home'),
  });

  test('the setting comes first, then the environment, the loader path, Python environments, and install', async () => {
    await putRtx('setting', 'lib');
    await putRtx('sdk', 'lib');
    await putRtx('path');
    await putRtx('workspace', '.venv', 'lib', 'python3.12', 'site-packages', 'tensorrt_rtx_libs');
    await putRtx('home', 'tensorrt-rtx-cu13-libs-1.7.1.116', 'tensorrt_rtx_libs');
    const environment = {
      TENSORRT_ROOT: join(root, 'sdk'),
      LD_LIBRARY_PATH: [join(root, 'empty'), join(root, 'path')].join(delimiter),
    };
    const found = await findLibraries('tensorrt-rtx', { ...context(environment), setting: join(root, 'setting') });
    const own = found.filter(({ infer }) => infer.startsWith(root));
    const expected = ['setting', 'environment', 'loader path', 'Python environments', 'install'];
    expect(own.map(({ from }) => from)).toEqual(
      process.arch === 'x64' || process.arch === 'arm64' ? expected : expected.slice(0, 4),
    );
    expect(own.every(({ flavour }) => flavour === 'rtx')).toBe(true);
  });

  test('a setting may name the library itself', async () => {
    await putRtx('here');
    const setting = join(root, 'here', 'libtensorrt_rtx.so.1');
    const [first] = await findLibraries('tensorrt-rtx', { ...context(), setting });
    expect(first?.infer).toBe(setting);
  });

  test('a setting that names a file of one major is not answered with another', async () => {
    for (const major of [8, 10]) {
      await put('sdk', `libnvinfer.so.${major}`);
      await put('sdk', `libnvonnxparser.so.${major}`);
    }
    for (const [name, flavour] of [
      ['libnvinfer.so.8', '8'],
      ['libnvinfer.so.8.6.1', '8'],
      ['libnvinfer.so', '10'],
    ] as const) {
      const found = await findLibraries('tensorrt', { ...context(), setting: join(root, 'sdk', name) });
      expect(found.filter(({ from }) => from === 'setting')[0]?.flavour, name).toBe(flavour);
    }
  });

  test('the setting may come through the environment of the worker', async () => {
    await putRtx('here');
    const found = await findLibraries('tensorrt-rtx', context({ [librarySetting]: join(root, 'here') }));
    expect(found[0]).toMatchObject({ from: 'setting' });
  });

  test('every step says where it looked and what it found', async () => {
    await putRtx('path');
    const environment = { LD_LIBRARY_PATH: [join(root, 'path'), join(root, 'nowhere')].join(delimiter) };
    const results = await searchLibraries(context(environment));
    expect(results.map(({ step }) => step)).toEqual(searchSteps);
    const [loaderPath] = results.filter(({ step }) => step === 'loader path');
    expect(loaderPath?.folders).toEqual([
      { path: join(root, 'path'), exists: true },
      { path: join(root, 'nowhere'), exists: false },
    ]);
    expect(loaderPath?.libraries.map(({ infer }) => infer)).toEqual([join(root, 'path', 'libtensorrt_rtx.so.1')]);
  });

  test('an installed TensorRT 10 is found', async () => {
    const folder = ['home', 'tensorrt-10.6-1.5.11', 'org', 'bytedeco', 'tensorrt', 'linux-x86_64'];
    await put(...folder, 'libnvinfer.so.10');
    await put(...folder, 'libnvonnxparser.so.10');
    const found = await findLibraries('tensorrt', context());
    const own = found.filter(({ from }) => from === 'install');
    expect(own.map(({ flavour }) => flavour)).toEqual(
      process.platform === 'linux' && process.arch === 'x64' ? ['10'] : [],
    );
  });

  test('of several majors in one folder the newest comes first, each with its flavour', async () => {
    for (const major of [8, 10, 11]) {
      await put('sdk', `libnvinfer.so.${major}`);
      await put('sdk', `libnvonnxparser.so.${major}`);
    }
    const found = await findLibraries('tensorrt', context({ TENSORRT_ROOT: join(root, 'sdk') }));
    expect(found.filter(({ infer }) => infer.startsWith(root)).map(({ flavour }) => flavour)).toEqual([
      '11',
      '10',
      '8',
    ]);
    expect(await findLibraries('tensorrt-rtx', context({ TENSORRT_ROOT: join(root, 'sdk') }))).toEqual([]);
  });

  test('a library without its parser is not taken', async () => {
    await put('sdk', 'libnvinfer.so.10');
    const found = await findLibraries('tensorrt', context({ TENSORRT_ROOT: join(root, 'sdk') }));
    expect(found.filter(({ infer }) => infer.startsWith(root))).toEqual([]);
  });

  test('a library that two steps find stands once', async () => {
    await putRtx('sdk');
    const environment = { TENSORRT_ROOT: join(root, 'sdk'), LD_LIBRARY_PATH: join(root, 'sdk') };
    const found = await findLibraries('tensorrt-rtx', context(environment));
    expect(found.filter(({ infer }) => infer.startsWith(root))).toHaveLength(1);
  });

  test('empty parts of the loader path are not the current folder', async () => {
    const folders = await searchFolders(context({ LD_LIBRARY_PATH: `${delimiter}${delimiter}` }));
    expect(folders.map(({ path }) => path)).not.toContain(process.cwd());
  });

  test.each([
    [10701, '1.7.1'],
    [100600, '10.6.0'],
    [110201, '11.2.1'],
    [8601, '8.6.1'],
    [8201, '8.2.1'],
  ])('version number %i is %s', (version, text) => {
    expect(versionText(version)).toBe(text);
  });
});
