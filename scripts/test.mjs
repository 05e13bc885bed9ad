/**
 * Runs every tier of tests and closes with one line, `N passed, N failed[, N skipped]`.
 *
 * The tiers are the folders of test/. A tier that runs no test, and a check that fails, count as failures.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { importTests } from './workbench/importTests.mjs';

const scratch = mkdtempSync(path.join(tmpdir(), 'precision-bench-test-'));
const total = { passed: 0, failed: 0, skipped: 0 };

function run(title, command, args) {
  const started = Date.now();
  console.log(`\n── ${title}`);
  const { status } = spawnSync(command, args, { stdio: 'inherit' });
  console.log(
    `── ${title}: ${status === 0 ? 'ok' : `failed (${status})`}, ${((Date.now() - started) / 1000).toFixed(1)} s`,
  );
  return status === 0;
}

function check(title, ...args) {
  if (!run(title, 'npx', args)) total.failed += 1;
}

function vitest(project) {
  const file = path.join(scratch, `${project}.json`);
  const args = [
    'vitest',
    'run',
    '--project',
    project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${file}`,
  ];
  const ok = run(`tests: ${project}`, 'npx', args);
  const result = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  const { numPassedTests = 0, numFailedTests = 0, numPendingTests = 0, numTodoTests = 0 } = result;
  total.passed += numPassedTests;
  total.skipped += numPendingTests + numTodoTests;
  total.failed += numFailedTests;
  // A suite that cannot be loaded, or no test at all, leaves no failed test behind.
  if (numFailedTests === 0 && (!ok || numPassedTests === 0)) total.failed += 1;
}

function nativeSources() {
  const names = readdirSync('native', { recursive: true, encoding: 'utf8' });
  return names.filter((name) => /\.(cpp|h|inl)$/.test(name)).map((name) => path.join('native', name));
}

function ctest(folder) {
  if (!existsSync(path.join(folder, 'CTestTestfile.cmake'))) {
    if (process.env.CI === 'true') {
      console.log('── tests: native: not built');
      total.failed += 1;
    }
    return;
  }
  // The tests and the fake TensorRT libraries, which nothing else needs, are compiled here.
  if (!run('tests: native, compiling', 'cmake', ['--build', folder, '--target', 'native_tests'])) total.failed += 1;
  const file = path.join(scratch, 'ctest.xml');
  const ok = run('tests: native', 'ctest', ['--test-dir', folder, '--output-on-failure', '--output-junit', file]);
  const xml = existsSync(file) ? readFileSync(file, 'utf8') : '';
  if (process.env.CI === 'true' && !xml.includes('name="engine_10"')) {
    console.log('── tests: native: the engine code was not tested; is GoogleTest (libgtest-dev) installed?');
    total.failed += 1;
  }
  const count = (name) => Number(new RegExp(`${name}="(\\d+)"`).exec(xml)?.[1] ?? 0);
  const failed = count('failures');
  total.passed += count('tests') - failed - count('skipped') - count('disabled');
  total.failed += failed;
  total.skipped += count('skipped') + count('disabled');
  if (failed === 0 && (!ok || count('tests') === 0)) total.failed += 1;
}

/** Tests inside a real extension host; they leave their counts. */
function hostTests() {
  const file = path.join(scratch, 'host.json');
  const ok = run('tests: host', 'node', ['scripts/workbench/hostTests.mjs', '--results', file]);
  const count = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { passed: 0, failed: 0, skipped: 0 };
  for (const key of Object.keys(total)) total[key] += count[key];
  if (count.failed === 0 && (!ok || count.passed === 0)) total.failed += 1;
}

/** The tiers in a real VS Code. Where there is none, CI has failed at set-up; elsewhere each tier counts as one skipped test. */
async function workbenchTiers() {
  const { missingWorkbench } = await importTests('test/support/workbench/findWorkbench.ts');
  const missing = missingWorkbench();
  if (missing !== null && process.env.CI !== 'true') {
    console.log(`\n── tests: webview, host, workbench: skipped, ${missing}`);
    total.skipped += 3;
    return;
  }
  vitest('webview');
  hostTests();
  vitest('workbench');
}

try {
  check('types', 'tsc', '--noEmit');
  check('types: webview', 'tsc', '--noEmit', '-p', 'webview');
  check('types: tests of the webviews', 'tsc', '--noEmit', '-p', 'test/webview');
  check('lint', 'eslint', '.');
  check('format', 'prettier', '--check', '.', '--log-level', 'warn');
  check('format: native', 'clang-format', '--dry-run', '-Werror', ...nativeSources());
  vitest('unit');
  vitest('slow');
  ctest('build/native');
  // Without the native module every test of this tier would be skipped; in CI that is a failure.
  if (existsSync('build/native/Release/precision_bench.node') || process.env.CI === 'true') vitest('native');
  vitest('cli');
  await workbenchTiers();
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
const skipped = total.skipped === 0 ? '' : `, ${total.skipped} skipped`;
console.log(`\n${total.passed} passed, ${total.failed} failed${skipped}`);
process.exit(total.failed === 0 ? 0 : 1);
