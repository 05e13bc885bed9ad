/** Installing with a pip and a cargo of our own on the path: what the clients do is tested by `npm run native`. */
import { chmod, copyFile, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { zipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { describeFile } from '../../../extension/files/describeFile';
import { extractZip } from '../../../extension/build/install/extractZip';
import {
  installPackage,
  isInstalled,
  packageFolder,
  removePackage,
  type InstallProgress,
} from '../../../extension/build/install/installPackage';
import { lockedHash } from '../../../extension/build/install/packageClients';
import { installables, tensorrtRtx, type Package } from '../../../extension/build/install/packages';
import { toolHome } from '../../../extension/build/install/toolHome';
import { CodedError } from '../../../extension/contract/errors';

const text = (content: string): Uint8Array => new TextEncoder().encode(content);

describe.skipIf(process.platform === 'win32')('installPackage', () => {
  let root = '';
  let pack: Package;
  const originalPath = process.env['PATH'];
  const home = () => join(root, 'home');
  const calls = async () => (await readFile(join(root, 'calls'), 'utf8').catch(() => '')).split('\n').filter(Boolean);

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'install-'));
    const wheel = join(root, 'thing.whl');
    await writeFile(wheel, zipSync({ 'libs/a.so': text('library'), 'libs/': text(''), 'other/b': text('unwanted') }));
    pack = {
      name: 'thing',
      version: '1.0',
      purpose: 'a thing',
      megabytes: 1,
      source: { client: 'pip', platform: 'any', sha256: (await describeFile(wheel)).sha256 },
      keep: ['libs/'],
      expects: ['libs/a.so'],
    };
    await fakePip(`cp "${wheel}" "$dest/"`);
  });
  afterEach(async () => {
    process.env['PATH'] = originalPath;
    await rm(root, { recursive: true });
  });

  /** Puts a `python3` on the path whose pip does the given shell command after noting that it was asked to download. */
  async function fakePip(download: string): Promise<void> {
    const folder = join(root, 'bin');
    await mkdir(folder, { recursive: true });
    await writeFile(
      join(folder, 'python3'),
      `#!/bin/sh
case "$*" in *--version*) echo pip 99; exit 0;; esac
echo "$*" >> "${root}/calls"
while [ $# -gt 0 ]; do [ "$1" = --dest ] && dest="$2"; shift; done
${download}
`,
    );
    await chmod(join(folder, 'python3'), 0o755);
    process.env['PATH'] = `${folder}${delimiter}${originalPath}`;
  }

  async function failure(options = {}): Promise<CodedError> {
    const error = await installPackage(pack, { home: home(), ...options }).catch((reason: unknown) => reason);
    if (!CodedError.is(error)) throw error;
    return error;
  }

  test('keeps what is wanted, in a folder with name and version, and asks pip once', async () => {
    const folder = await installPackage(pack, { home: home() });
    expect(folder).toBe(join(home(), 'thing-1.0'));
    expect(await readFile(join(folder, 'libs/a.so'), 'utf8')).toBe('library');
    expect(await readdir(folder)).toEqual(['libs']);
    await installPackage(pack, { home: home() });
    const [call, ...more] = await calls();
    expect(call).toMatch(/-m pip download.*--require-hashes.*--only-binary=:all:/);
    expect(more).toEqual([]);
    expect(await readdir(home())).toEqual(['thing-1.0']);
  });

  test('a folder with missing files is made anew', async () => {
    const folder = await installPackage(pack, { home: home() });
    await rm(join(folder, 'libs/a.so'));
    expect(await isInstalled(pack, home())).toBe(false);
    await installPackage(pack, { home: home() });
    expect(await isInstalled(pack, home())).toBe(true);
  });

  test('two at a time end with one good folder', async () => {
    await Promise.all([installPackage(pack, { home: home() }), installPackage(pack, { home: home() })]);
    expect(await readdir(home())).toEqual(['thing-1.0']);
    expect(await isInstalled(pack, home())).toBe(true);
  });

  test('a killed installation goes on with the archive that it had, without asking pip again', async () => {
    // Killed while it unpacked: the archive is there, the package is not.
    const stop = new Error('killed here');
    await installPackage(pack, { home: home(), inspect: () => Promise.reject(stop) }).catch(() => undefined);
    const downloads = join(home(), '.downloads', 'thing-1.0');
    await mkdir(downloads, { recursive: true });
    const archive = join(downloads, 'thing.whl');
    await copyFile(join(root, 'thing.whl'), archive);
    await writeFile(join(downloads, 'archive'), archive);
    await mkdir(join(home(), '.installing-thing-1.0-dead'));
    const before = (await calls()).length;
    await installPackage(pack, { home: home() });
    expect((await calls()).length).toBe(before);
    expect(await readdir(home())).toEqual(['thing-1.0']);
  });

  test('an archive that was left damaged is fetched again', async () => {
    const downloads = join(home(), '.downloads', 'thing-1.0');
    await mkdir(downloads, { recursive: true });
    await writeFile(join(downloads, 'half.whl'), 'half');
    await writeFile(join(downloads, 'archive'), join(downloads, 'half.whl'));
    await fakePip(`rm -f "$dest"/*.whl; cp "${join(root, 'thing.whl')}" "$dest/"`);
    await installPackage(pack, { home: home() });
    expect(await calls()).toHaveLength(1);
  });

  test('a lock whose process is gone holds nobody up', async () => {
    const lock = join(home(), '.downloads', 'thing-1.0.lock');
    await mkdir(lock, { recursive: true });
    await writeFile(join(lock, 'pid'), String(2 ** 22 + 1));
    await installPackage(pack, { home: home() });
    expect(await readdir(home())).toEqual(['thing-1.0']);
  });

  test('content that is refused when it is looked at takes no place', async () => {
    const refusal = new CodedError({ code: 'INSTALL_FAILED', reason: 'It does not load.', fix: '-' });
    const error = await failure({ inspect: () => Promise.reject(refusal) });
    expect(error.reason).toBe('It does not load.');
    expect(await isInstalled(pack, home())).toBe(false);
  });

  test('tells its progress by phase, never backwards', async () => {
    const seen: InstallProgress[] = [];
    await installPackage(pack, { home: home(), onProgress: (progress) => seen.push(progress) });
    const phases = [...new Set(seen.map(({ phase }) => phase))];
    expect(phases).toEqual(['fetch', 'verify', 'unpack']);
    const fractions = seen.filter(({ phase }) => phase === 'unpack').map(({ fraction }) => fraction ?? -1);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect(fractions.at(-1)).toBe(1);
  });

  test('what is removed is gone, and once', async () => {
    await installPackage(pack, { home: home() });
    expect(await removePackage(pack, home())).toBe(true);
    expect(await readdir(home())).toEqual([]);
    expect(await removePackage(pack, home())).toBe(false);
  });

  test('a jar is fetched by Maven into a repository of our own, which is where it goes on', async () => {
    const source = { client: 'maven', group: 'org.thing', artifact: 'thing', version: '1.0', classifier: 'x' } as const;
    pack = { ...pack, source: { ...source, sha256: (await describeFile(join(root, 'thing.whl'))).sha256 } };
    const program = join(root, 'bin', 'mvn');
    await writeFile(
      program,
      `#!/bin/sh
echo "$*" >> "${root}/calls"
for word in "$@"; do case "$word" in -Dmaven.repo.local=*) repo="\${word#*=}";; esac; done
mkdir -p "$repo/org/thing/thing/1.0"
cp "${join(root, 'thing.whl')}" "$repo/org/thing/thing/1.0/thing-1.0-x.jar"
`,
    );
    await chmod(program, 0o755);
    await installPackage(pack, { home: home() });
    const [call] = await calls();
    expect(call).toContain('-Dartifact=org.thing:thing:1.0:jar:x');
    expect(call).toContain(`-Dmaven.repo.local=${join(home(), '.downloads', 'thing-1.0', 'repository')}`);
    expect(await readdir(home())).toEqual(['thing-1.0']);

    await removePackage(pack, home());
    await writeFile(program, '#!/bin/sh\necho "[ERROR] no such artifact"; exit 1\n');
    expect((await failure()).reason).toContain('[ERROR] no such artifact');
  });

  test('other content than pinned is refused and leaves nothing', async () => {
    await fakePip('echo tampered > "$dest/thing.whl"');
    expect((await failure()).reason).toContain('other content');
    expect(await readdir(home())).toEqual([]);
  });

  test("pip's failure carries pip's words", async () => {
    await fakePip('echo "ERROR: no network" >&2; exit 1');
    const error = await failure();
    expect(error.code).toBe('INSTALL_FAILED');
    expect(error.reason).toContain('ERROR: no network');
    expect(await readdir(home())).toEqual([]);
  });

  test('without pip the reason names what is missing', async () => {
    process.env['PATH'] = join(root, 'nothing');
    expect((await failure()).reason).toContain('no pip');
  });

  test('a package without the files it must have is refused', async () => {
    pack = { ...pack, expects: ['libs/absent.so'] };
    await failure();
    expect(await readdir(home())).toEqual([]);
  });

  test('cancelling ends pip and leaves nothing', async () => {
    await fakePip('sleep 30');
    const abort = new AbortController();
    const started = performance.now();
    setTimeout(() => {
      abort.abort();
    }, 200);
    expect((await failure({ signal: abort.signal })).code).toBe('CANCELLED');
    expect(performance.now() - started).toBeLessThan(5000);
    expect(await readdir(home())).toEqual([]);
  });

  test('an unwritable home is named', async () => {
    await writeFile(join(root, 'file'), '');
    const error = await failure({ home: join(root, 'file', 'home') });
    expect(error.reason).toContain(join(root, 'file', 'home'));
  });

  test('an archive entry that leaves the folder is refused', async () => {
    const archive = join(root, 'evil.zip');
    await writeFile(archive, zipSync({ '../evil': text('x') }));
    await expect(extractZip(archive, join(root, 'out'), [''])).rejects.toThrow();
    expect(await readdir(root)).not.toContain('evil');
  });
});

describe('packages', () => {
  test('TensorRT-RTX has builds for Linux and Windows, none for macOS', () => {
    expect(tensorrtRtx('linux-x64')?.expects).toContain('tensorrt_rtx_libs/libtensorrt_rtx.so.1');
    expect(tensorrtRtx('win32-x64')?.expects[0]).toMatch(/\.dll$/);
    expect(tensorrtRtx('darwin-arm64')).toBeNull();
  });

  test('each TensorRT has its own major among the files it must have', () => {
    const found = installables('linux-x64').map(({ name, package: pack }) => [
      name,
      pack.expects[0]?.split('/').at(-1),
    ]);
    expect(found).toEqual([
      ['tensorrt-rtx', 'libtensorrt_rtx.so.1'],
      ['tensorrt-10.6', 'libnvinfer.so.10'],
      ['tensorrt-11.2', 'libnvinfer.so.11'],
      ['tensorrt-8.6', 'libnvinfer.so.8'],
    ]);
    expect(installables('linux-arm64').map(({ name }) => name)).toEqual(['tensorrt-rtx']);
    expect(installables('darwin-arm64')).toEqual([]);
  });

  test("the hash of a crate is read from cargo's lock file", () => {
    const lock = `[[package]]\nname = "a"\nchecksum = "${'1'.repeat(64)}"\n\n[[package]]\nname = "b"\nchecksum = "${'2'.repeat(64)}"\n`;
    expect(lockedHash(lock, 'b')).toBe('2'.repeat(64));
    expect(lockedHash(lock, 'c')).toBeUndefined();
  });

  test('the folder of the tool follows the environment', () => {
    expect(toolHome({ PRECISION_BENCH_HOME: '/x' })).toBe('/x');
    expect(toolHome({ XDG_CACHE_HOME: '/c' })).toBe(join('/c', 'precision-bench'));
    const pack = tensorrtRtx('linux-x64');
    if (pack === null) throw new Error('none');
    expect(packageFolder(pack, '/h')).toBe(join('/h', `${pack.name}-${pack.version}`));
  });
});
