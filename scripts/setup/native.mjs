/**
 * Builds the native module (native/) into build/native: fetches the headers it needs, then lets cmake-js configure and
 * build. Incremental; a build folder that no longer fits (moved, other generator) is made anew.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { importTypeScript, projectRoot } from './importTypeScript.mjs';
import { attempt, say } from './outcome.mjs';
import { findTensorrt8Headers } from './tensorrt8Headers.mjs';

const buildFolder = path.join(projectRoot, 'build', 'native');
const addon = path.join(buildFolder, 'Release', 'precision_bench.node');
const cmakeJs = createRequire(import.meta.url).resolve('cmake-js/bin/cmake-js');

/** @returns the output when the command failed, else null */
function cmakeJsCommand(command, variables) {
  const defines = Object.entries(variables).map(([name, value]) => `--CD${name}=${value}`);
  const args = [cmakeJs, command, '--directory', path.join(projectRoot, 'native'), '--out', buildFolder, ...defines];
  const env = { CMAKE_BUILD_PARALLEL_LEVEL: String(availableParallelism()), ...process.env };
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env });
  return status === 0 ? null : `${stdout}\n${stderr}`;
}

function compile(variables) {
  return cmakeJsCommand('configure', variables) ?? cmakeJsCommand('build', variables);
}

function exists(program) {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined;
}

function missingTools() {
  const problems = [];
  if (!exists('cmake')) problems.push({ reason: 'There is no CMake on this machine.', fix: 'Install cmake.' });
  const compilers = process.env.CXX ? [process.env.CXX] : ['c++', 'g++', 'clang++'];
  if (process.platform !== 'win32' && !compilers.some(exists)) {
    problems.push({ reason: 'There is no C++ compiler on this machine.', fix: 'Install g++ or clang++.' });
  }
  return problems;
}

/** The lines of a build log that say what went wrong. */
function tellingLines(log) {
  const lines = log.split('\n').filter((line) => /error|FAILED|not found/i.test(line));
  return (lines.length > 0 ? lines : log.trim().split('\n').slice(-10)).slice(0, 10).join('\n    ');
}

await attempt(async () => {
  const problems = missingTools();
  if (problems.length > 0) return problems;

  const { installHeaders } = await importTypeScript('extension/build/install/installHeaders.ts');
  const headers = await installHeaders({ onMessage: say });
  const variables = { ...headers.variables, PB_TESTS: 'ON' };
  // Like the others, this flavour needs CUDA's headers.
  const tensorrt8 = headers.variables.PB_CUDA_INCLUDE_DIR === undefined ? null : findTensorrt8Headers();
  if (tensorrt8 === null) say('no headers of TensorRT 8: set TENSORRT8_INCLUDE_DIR to build for it');
  variables.PB_TRT8_INCLUDE_DIR = tensorrt8 ?? '';

  const hadFolder = existsSync(buildFolder);
  let failure = compile(variables);
  if (failure !== null && hadFolder) {
    rmSync(buildFolder, { recursive: true });
    failure = compile(variables);
  }
  if (failure !== null) {
    return [
      {
        reason: `The native module does not compile:\n    ${tellingLines(failure)}`,
        fix: 'Check the compiler (C++17 is needed) or report this as a defect.',
      },
    ];
  }
  say(`native module: ${addon}`);
  return headers.problems;
}, 'Precision Bench works without the native module, or without the flavours named; it then builds no engines with them.');
