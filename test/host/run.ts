/**
 * What the extension host calls (`extensionTestsPath`): runs the bundled test files beside it with mocha and leaves the
 * counts in the file that `scripts/workbench/hostTests.mjs` names. Rejecting is exit code 1.
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Mocha from 'mocha';
import { outputMark } from '../support/workbench/outputMark';

/** To the runner's terminal, past the workbench's own log. */
function say(text: string): void {
  console.log(text.replace(/^/gm, outputMark));
}

export async function run(): Promise<void> {
  const mocha = new Mocha({ ui: 'bdd', timeout: 60_000, reporter: 'base', grep: process.env['TEST_GREP'] ?? '' });
  for (const name of readdirSync(__dirname)) if (name.endsWith('.test.cjs')) mocha.addFile(join(__dirname, name));
  const count = { passed: 0, failed: 0, skipped: 0 };
  await new Promise<void>((resolve) => {
    const runner = mocha.run(() => {
      resolve();
    });
    runner.on('pass', (test) => {
      count.passed += 1;
      say(`✓ ${test.fullTitle()} (${test.duration ?? 0} ms)`);
    });
    runner.on('fail', (test, error: Error) => {
      count.failed += 1;
      say(`✗ ${test.fullTitle()}\n${error.stack ?? String(error)}`);
    });
    runner.on('pending', (test) => {
      count.skipped += 1;
      say(`- ${test.fullTitle()}`);
    });
  });
  const file = process.env['PRECISION_BENCH_TEST_RESULTS'];
  if (file !== undefined) writeFileSync(file, JSON.stringify(count));
  if (count.failed > 0) throw new Error(`${count.failed} tests failed`);
}
