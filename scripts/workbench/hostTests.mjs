/**
 * Runs test/host/ inside a real extension host through @vscode/test-electron.
 *
 * Without a switch the editor is VS Code's server with its web workbench (`code` beside this file). With `--desktop` it is
 * desktop VS Code: the one that PRECISION_BENCH_CODE names, else the one that test-electron fetches.
 *
 * Two windows: one trusted, one in Restricted Mode (test/host/restricted/). Green means: every window ended well AND left
 * its results AND a test passed in each; an extension host that dies leaves no results.
 *
 * Usage: node scripts/workbench/hostTests.mjs [--desktop] [--results FILE]
 *        node scripts/workbench/hostTests.mjs --bundle-only      for .vscode/launch.json
 */
import { runTests } from '@vscode/test-electron';
import { build } from 'esbuild';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { nodeBundle } from '../bundleOptions.mjs';
import { projectRoot } from '../setup/importTypeScript.mjs';
import { importTests } from './importTests.mjs';

const { values: options } = parseArgs({
  options: { desktop: { type: 'boolean' }, results: { type: 'string' }, 'bundle-only': { type: 'boolean' } },
});
const bundles = path.join(projectRoot, 'build', 'host-tests');
const scratch = mkdtempSync(path.join(tmpdir(), 'precision-bench-host-'));

/** One bundle a test file, and the module that runs them; mocha comes from node_modules. */
async function bundle(window) {
  const folder = path.join(projectRoot, 'test', 'host', window);
  const files = readdirSync(folder).filter((name) => name.endsWith('.test.ts'));
  const entries = files.map((name) => [`${window}/${name.slice(0, -3)}`, path.join(folder, name)]);
  const run = [`${window}/run`, path.join(projectRoot, 'test', 'host', 'run.ts')];
  await build({
    ...nodeBundle,
    packages: 'external',
    entryPoints: Object.fromEntries([...entries, run]),
    outdir: bundles,
    outExtension: { '.js': '.cjs' },
  });
  return path.join(bundles, window, 'run.cjs');
}

function executable() {
  if (!options.desktop) return { vscodeExecutablePath: path.join(projectRoot, 'scripts', 'workbench', 'code') };
  return process.env.PRECISION_BENCH_CODE ? { vscodeExecutablePath: process.env.PRECISION_BENCH_CODE } : {};
}

/** @returns {Promise<{passed: number, failed: number, skipped: number}>} */
async function runWindow(window, switches) {
  const results = path.join(scratch, `${window}.json`);
  const { makeWorkspace } = await importTests('test/support/workbench/makeWorkspace.ts');
  let problem = null;
  try {
    await runTests({
      ...executable(),
      extensionDevelopmentPath: projectRoot,
      extensionTestsPath: await bundle(window),
      launchArgs: [
        makeWorkspace(path.join(scratch, window), projectRoot),
        `--user-data-dir=${path.join(scratch, `${window}-user`)}`,
        ...switches,
      ],
      extensionTestsEnv: { PRECISION_BENCH_TEST_RESULTS: results },
    });
  } catch (error) {
    problem = error.message;
  }
  if (!existsSync(results)) {
    console.error(`${window}: no results: ${problem ?? 'the tests did not finish'}`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const count = JSON.parse(readFileSync(results, 'utf8'));
  if (count.passed === 0) console.error(`${window}: no test passed`);
  const silent = count.failed === 0 && (problem !== null || count.passed === 0);
  return silent ? { ...count, failed: 1 } : count;
}

/** Bundles, and a workspace beside them, where .vscode/launch.json looks. */
async function bundleForDebugging() {
  const { makeWorkspace } = await importTests('test/support/workbench/makeWorkspace.ts');
  for (const window of ['trusted', 'restricted']) {
    await bundle(window);
    makeWorkspace(path.join(bundles, window, 'workspace'), projectRoot);
  }
}

async function runWindows() {
  const counts = [
    await runWindow('trusted', ['--disable-workspace-trust']),
    await runWindow('restricted', ['--enable-workspace-trust']),
  ];
  const sum = (key) => counts.reduce((total, count) => total + count[key], 0);
  const total = { passed: sum('passed'), failed: sum('failed'), skipped: sum('skipped') };
  if (options.results !== undefined) writeFileSync(options.results, JSON.stringify(total));
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  process.exitCode = total.failed === 0 ? 0 : 1;
}

try {
  rmSync(bundles, { recursive: true, force: true });
  await (options['bundle-only'] ? bundleForDebugging() : runWindows());
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
