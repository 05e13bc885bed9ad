import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nativeAddonPaths, openNativeAddon, packageRoot, solutionsFor } from '../../../extension/backends/nativeAddon';

describe('nativeAddon', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'native-addon-'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  test('a missing module is a state with solutions, not an exception', () => {
    const state = openNativeAddon([join(folder, 'absent.node')]);
    if (state.addon !== null) throw new Error('loaded');
    expect(state.reason).toContain('absent.node');
    expect(state.solutions.join(' ')).toContain('npm run native');
  });

  test('a file that is no library names the file and what is wrong with it', () => {
    const path = join(folder, 'text.node');
    writeFileSync(path, 'this is not a shared object');
    const state = openNativeAddon([path]);
    if (state.addon !== null) throw new Error('loaded');
    expect(state.reason).toContain(path);
    expect(state.solutions[0]).toMatch(/another platform/);
  });

  test('the environment overrides the usual places', () => {
    expect(nativeAddonPaths({ PRECISION_BENCH_NATIVE: '/x/y.node' }, '/root')).toEqual(['/x/y.node']);
    expect(nativeAddonPaths({}, '/root')[0]).toBe('/root/build/native/Release/precision_bench.node');
  });

  test('the package root is found from a folder inside it', () => {
    expect(packageRoot(join(packageRoot(), 'extension', 'backends'))).toBe(packageRoot());
  });

  test.each([
    ["/lib/libc.so.6: version `GLIBC_2.38' not found", /newer Linux/],
    ['libfoo.so.1: cannot open shared object file: No such file or directory', /Install the library/],
    ['something else', /npm run native/],
  ])('%s', (message, solution) => {
    expect(solutionsFor(message).join(' ')).toMatch(solution);
  });
});
