/** Libraries that are no libraries, or crash: each is tried in a throwaway process and becomes a reason. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { probeLibrary, type FoundLibrary } from '../../extension/backends/libraries';
import { nativeAddonState } from '../../extension/backends/nativeAddon';
import { tensorrtBackend } from '../../extension/backends/tensorrt';

const state = nativeAddonState();
const required = process.env['CI'] === 'true';
const compiler = ['c++', 'g++', 'clang++'].find((name) => spawnSync(name, ['--version']).status === 0);
const runnable = process.platform === 'linux' && state.addon !== null && compiler !== undefined;
if (!runnable && !required) console.warn('Skipped: the native module or a compiler is missing.');

describe.skipIf(!runnable && !required)('trying a library', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'library-probe-'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  const inferName = 'libtensorrt_rtx.so.1';
  const parserName = 'libtensorrt_onnxparser_rtx.so.1';

  function compile(name: string, source: string): void {
    const file = join(folder, `${name}.cpp`);
    writeFileSync(file, source);
    execFileSync(compiler ?? 'c++', ['-shared', '-fPIC', '-o', join(folder, name), file]);
  }

  async function reasonOf(): Promise<string> {
    const library: FoundLibrary = {
      backend: 'tensorrt-rtx',
      infer: join(folder, inferName),
      parser: join(folder, parserName),
      flavour: 'rtx',
      from: 'setting',
    };
    if (state.addon === null) throw new Error(state.reason);
    const probe = await probeLibrary(library, state.path);
    if (!('reason' in probe)) throw new Error('the library was accepted');
    return probe.reason;
  }

  test('a text file is named with the words of the loader', async () => {
    writeFileSync(join(folder, inferName), 'not a library');
    writeFileSync(join(folder, parserName), 'not a library');
    expect(await reasonOf()).toMatch(/libtensorrt_rtx\.so\.1: .*(file too short|invalid ELF header)/);
  });

  test('a library that aborts while it loads is reported with its signal and its last words', async () => {
    compile(
      inferName,
      `#include <cstdio>\n#include <cstdlib>
       __attribute__((constructor)) static void die() { std::fputs("no such driver\\n", stderr); std::abort(); }`,
    );
    const reason = await reasonOf();
    expect(reason).toContain('SIGABRT');
    expect(reason).toContain('no such driver');
  });

  test('a segmentation fault in an entry point is reported', async () => {
    compile(
      inferName,
      `extern "C" int getInferLibVersion() { return 10701; }
       extern "C" void* createInferBuilder_INTERNAL(void*, int) { return *(void**)8; }`,
    );
    compile(parserName, 'extern "C" void* createNvOnnxParser_INTERNAL(void*, void*, int) { return nullptr; }');
    expect(await reasonOf()).toContain('SIGSEGV');
  });

  test('a library without the entry points is refused', async () => {
    compile(inferName, 'extern "C" int something() { return 1; }');
    expect(await reasonOf()).toContain('entry points');
  });

  test('a library of another major version is refused', async () => {
    compile(
      inferName,
      `extern "C" int getInferLibVersion() { return 90100; }
       extern "C" void* createInferBuilder_INTERNAL(void*, int) { return nullptr; }`,
    );
    expect(await reasonOf()).toMatch(/major version 9/);
  });

  test('a library that makes no builder loads, and the backend says what it lacks', async () => {
    compile(
      inferName,
      `extern "C" int getInferLibVersion() { return 10701; }
       extern "C" void* createInferBuilder_INTERNAL(void*, int) { return nullptr; }`,
    );
    const backend = tensorrtBackend('tensorrt-rtx', {
      environment: { TENSORRT_ROOT: folder },
      home: join(folder, 'home'),
    });
    const info = await backend.probe();
    expect(info).toMatchObject({ available: false, builds: false, version: '1.7.1', library: join(folder, inferName) });
    expect(info.reason).toContain('GPU');
  });

  test('a crashing library does not hide a later one that works', async () => {
    compile(inferName, '#include <cstdlib>\n__attribute__((constructor)) static void die() { std::abort(); }');
    const installed = await tensorrtBackend('tensorrt-rtx').probe();
    const info = await tensorrtBackend('tensorrt-rtx', { environment: { TENSORRT_ROOT: folder } }).probe();
    expect(info.available).toBe(installed.available);
    if (!info.available) expect(info.reason).toContain('SIGABRT');
  });
});
