import { mkdtemp, readFile, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { describeFile } from '../../../extension/files/describeFile';
import { passportPath } from '../../../extension/contract/enginePassport';
import { cacheKey, EngineCache, type EngineKey } from '../../../extension/build/engineCache';

const key: EngineKey = {
  onnx: 'abc',
  backend: 'tensorrt-rtx',
  version: '1.7.1',
  gpu: null,
  request: { target: 'sm_89', builder: { optimizationLevel: 3, tf32: false } },
  calibration: null,
};
const build = { backend: 'tensorrt-rtx', version: '1.7.1', target: 'sm_89', seconds: 2, layers: null, realised: null };

describe('cacheKey', () => {
  test('does not depend on the order in which options were written', () => {
    expect(cacheKey({ ...key, request: { builder: { tf32: false, optimizationLevel: 3 }, target: 'sm_89' } })).toBe(
      cacheKey(key),
    );
  });

  test.each<Partial<EngineKey>>([
    { onnx: 'abd' },
    { backend: 'tensorrt' },
    { version: '1.7.2' },
    { gpu: { name: 'L4', driver: 'CUDA 13.0' } },
    { request: { target: 'sm_89', builder: { optimizationLevel: 4, tf32: false } } },
    { calibration: 'abc' },
  ])('changes with %o', (change) => {
    expect(cacheKey({ ...key, ...change })).not.toBe(cacheKey(key));
  });
});

describe('EngineCache', () => {
  let root = '';
  let cache: EngineCache;
  const kept = () => join(root, 'cache');
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'engine-cache-'));
    cache = new EngineCache(kept());
  });
  afterEach(async () => rm(root, { recursive: true }));

  async function store(name: string, content: string): Promise<void> {
    const engine = join(root, `${name}.engine`);
    await writeFile(engine, content);
    await cache.store(name, engine, { build, ...(await describeFile(engine)) });
  }

  test('gives back what was stored, and nothing else', async () => {
    await store('a', 'engine a');
    const output = join(root, 'out.engine');
    expect(await cache.fetch('b', output)).toBeNull();
    expect((await cache.fetch('a', output))?.build).toEqual(build);
    expect(await readFile(output, 'utf8')).toBe('engine a');
    expect((await readdir(root)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  test('the passport goes along, under the name of the new file', async () => {
    const engine = join(root, 'a.engine');
    await writeFile(engine, 'engine a');
    await writeFile(passportPath(engine), JSON.stringify({ engine: { file: 'a.engine' }, plan: 1 }));
    await cache.store('a', engine, { build, ...(await describeFile(engine)) });
    const output = join(root, 'out.engine');
    await cache.fetch('a', output);
    expect(JSON.parse(await readFile(passportPath(output), 'utf8'))).toEqual({
      engine: { file: 'out.engine' },
      plan: 1,
    });
    await rm(join(kept(), 'a.passport'));
    expect(await cache.fetch('a', join(root, 'third.engine'))).toBeNull();
  });

  test('a damaged engine is not given back and leaves nothing in the output folder', async () => {
    await store('a', 'engine a');
    await writeFile(join(kept(), 'a.engine'), 'engine ?');
    expect(await cache.fetch('a', join(root, 'out.engine'))).toBeNull();
    expect(await readdir(root)).not.toContain('out.engine');
    expect(await readdir(root)).not.toContain('out.engine.tmp');
  });

  test('an entry without its engine is not given back', async () => {
    await store('a', 'engine a');
    await rm(join(kept(), 'a.engine'));
    expect(await cache.fetch('a', join(root, 'out.engine'))).toBeNull();
  });

  test('the longest unused engines go when the limit is reached', async () => {
    for (const [index, name] of ['old', 'used', 'new'].entries()) {
      await store(name, '0123456789');
      await utimes(join(kept(), `${name}.json`), index + 1, index + 1);
    }
    await cache.fetch('old', join(root, 'out.engine')); // now the one used last
    await cache.prune(20);
    expect((await readdir(kept())).sort()).toEqual(['new.engine', 'new.json', 'old.engine', 'old.json']);
  });

  test('a cache folder that cannot be made costs the cache, not the build', async () => {
    await writeFile(join(root, 'file'), '');
    const broken = new EngineCache(join(root, 'file', 'cache'));
    await writeFile(join(root, 'e.engine'), 'x');
    await broken.store('k', join(root, 'e.engine'), { build, bytes: 1, sha256: '' });
    expect(await broken.fetch('k', join(root, 'out.engine'))).toBeNull();
  });
});
