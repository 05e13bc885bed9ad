/**
 * Fetching from a registry with the client that the user already has, so that their proxies, mirrors and credentials
 * apply. Each function returns where the package's content lies; unpacking and checking is `installPackage.ts`'s.
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CodedError } from '../../contract/errors';
import type { ArchiveSource, CrateSource, JarSource, Package, WheelSource } from './packages';
import { runCommand } from './runCommand';

type Signal = AbortSignal | undefined;

/** How pip may be reached; often it is not on the path under its own name. */
const pipCommands = [['python3', '-m', 'pip'], ['python', '-m', 'pip'], ['pip3'], ['pip']] as const;

/**
 * Downloads the archive of a package into `folder`, which may hold what an interrupted download left.
 *
 * @returns the archive's file
 * @throws CodedError INSTALL_FAILED
 */
export async function downloadArchive(
  pack: Package,
  source: ArchiveSource,
  folder: string,
  signal: Signal,
): Promise<string> {
  return source.client === 'pip'
    ? downloadWheel(pack, source, folder, signal)
    : downloadJar(pack, source, folder, signal);
}

/** Pinned, so that the same plugin does the same everywhere. */
const mavenPlugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:get';

/** Lets Maven fetch a jar into a local repository of our own, where it goes on with a part that is there. */
async function downloadJar(pack: Package, source: JarSource, folder: string, signal: Signal): Promise<string> {
  const { group, artifact, version, classifier } = source;
  const args = [
    ...['--batch-mode', '--quiet', mavenPlugin],
    '-Dtransitive=false',
    `-Dartifact=${group}:${artifact}:${version}:jar:${classifier}`,
    `-Dmaven.repo.local=${join(folder, 'repository')}`,
  ];
  const result = await runCommand(process.platform === 'win32' ? 'mvn.cmd' : 'mvn', args, { cwd: folder, signal });
  if (result.missing) {
    throw new CodedError({
      code: 'INSTALL_FAILED',
      reason: `${pack.name} ${pack.version} (${pack.purpose}) is fetched with Maven, and there is no mvn on this machine.`,
      fix: 'Install Maven and run the command again, or install TensorRT yourself and name it with --tensorrt-library.',
    });
  }
  const jar = join(folder, 'repository', ...group.split('.'), artifact, version);
  const file = join(jar, `${artifact}-${version}-${classifier}.jar`);
  // Maven writes its errors on its standard output.
  if (result.status !== 0 || !existsSync(file)) {
    throw clientFailed(pack, 'Maven', errorLines(result.stdout) || result.stderr);
  }
  return file;
}

function errorLines(output: string): string {
  const lines = output.split('\n').filter((line) => line.includes('ERROR'));
  return lines.slice(0, 3).join('\n');
}

/**
 * Downloads a wheel into `folder`; pip itself checks the hash.
 *
 * @returns the wheel's file
 * @throws CodedError INSTALL_FAILED
 */
async function downloadWheel(pack: Package, source: WheelSource, folder: string, signal: Signal): Promise<string> {
  const pip = await findPip(pack, signal);
  const requirements = join(folder, 'requirements.txt');
  await mkdir(folder, { recursive: true });
  await writeFile(requirements, `${pack.name}==${pack.version} --hash=sha256:${source.sha256}\n`);
  const [program, ...first] = pip;
  const args = [
    ...first,
    'download',
    '--quiet',
    '--disable-pip-version-check',
    '--no-deps',
    '--require-hashes',
    '--only-binary=:all:',
    ...['--platform', source.platform],
    ...['--dest', folder],
    ...['--requirement', requirements],
  ];
  // What is under way lies in our folder, too, so that its size can be watched and none of it stays behind.
  const result = await runCommand(program, args, { signal, env: { TMPDIR: folder, TEMP: folder, TMP: folder } });
  const wheel = (await readdir(folder)).find((name) => name.endsWith('.whl'));
  if (result.status !== 0 || wheel === undefined) throw clientFailed(pack, 'pip', result.stderr);
  return join(folder, wheel);
}

async function findPip(pack: Package, signal: Signal): Promise<readonly [string, ...string[]]> {
  for (const [program, ...first] of pipCommands) {
    const result = await runCommand(program, [...first, '--version'], { signal });
    if (result.status === 0) return [program, ...first];
  }
  throw new CodedError({
    code: 'INSTALL_FAILED',
    reason: `${pack.name} ${pack.version} (${pack.purpose}) is fetched with pip, and there is no pip on this machine.`,
    fix: 'Install Python 3 with pip and run the command again.',
  });
}

/**
 * Lets cargo fetch a crate through a manifest that nobody builds.
 *
 * @param folder an empty folder for the manifest
 * @returns the folder of the crate's sources, inside cargo's own cache: to be read only
 * @throws CodedError INSTALL_FAILED
 */
export async function fetchCrate(pack: Package, source: CrateSource, folder: string, signal: Signal): Promise<string> {
  await mkdir(join(folder, 'src'), { recursive: true });
  await writeFile(join(folder, 'src', 'lib.rs'), '');
  const requirement = `{ version = "=${pack.version}", default-features = false }`;
  await writeFile(
    join(folder, 'Cargo.toml'),
    `[package]\nname = "headers"\nversion = "0.0.0"\nedition = "2021"\n\n[dependencies]\n${pack.name} = ${requirement}\n`,
  );
  // One platform is named so that cargo leaves out the dependencies of the others.
  const platform = 'x86_64-unknown-linux-gnu';
  const fetched = await runCommand('cargo', ['fetch', '--quiet', '--target', platform], { cwd: folder, signal });
  if (fetched.missing) {
    throw new CodedError({
      code: 'INSTALL_FAILED',
      reason: `${pack.name} ${pack.version} (${pack.purpose}) is fetched with cargo, and there is no cargo on this machine.`,
      fix: 'Install Rust, which brings cargo, and run the command again.',
    });
  }
  if (fetched.status !== 0) throw clientFailed(pack, 'cargo', fetched.stderr);
  const lock = await readFile(join(folder, 'Cargo.lock'), 'utf8');
  if (lockedHash(lock, pack.name) !== source.sha256) throw otherContent(pack);

  const metadataArgs = ['metadata', '--format-version', '1', '--offline', '--filter-platform', platform];
  const metadata = await runCommand('cargo', metadataArgs, { cwd: folder, signal });
  if (metadata.status !== 0) throw clientFailed(pack, 'cargo', metadata.stderr);
  const { packages } = JSON.parse(metadata.stdout) as { packages: { name: string; manifest_path: string }[] };
  const found = packages.find(({ name }) => name === pack.name);
  if (found === undefined) throw clientFailed(pack, 'cargo', `no ${pack.name} in its metadata`);
  return dirname(found.manifest_path);
}

/** The checksum that Cargo.lock holds for a package; cargo refuses an archive with another. */
export function lockedHash(lock: string, name: string): string | undefined {
  const entry = lock.split('[[package]]').find((text) => text.includes(`name = "${name}"`));
  return entry === undefined ? undefined : /checksum = "([0-9a-f]{64})"/.exec(entry)?.[1];
}

export function otherContent(pack: Package): CodedError {
  return new CodedError({
    code: 'INSTALL_FAILED',
    reason: `The registry gave other content for ${pack.name} ${pack.version} than the one this version was made with.`,
    fix: 'Check the registry mirror that your package client is set to.',
  });
}

function clientFailed(pack: Package, client: string, words: string): CodedError {
  const said = words.trim().split('\n').slice(-6).join('\n');
  return new CodedError({
    code: 'INSTALL_FAILED',
    reason: `${client} could not fetch ${pack.name} ${pack.version} (${pack.purpose}). It said: ${said || 'nothing'}`,
    fix: `Check the network and the configuration of ${client}, then run the command again.`,
  });
}
