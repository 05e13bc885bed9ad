/** The runner of test/host/ itself: it must not call green what is not. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runExtensionTests, type ExtensionTestRun } from '../support/workbench/runExtensionTests';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'precision-bench-runner-'));
  const manifest = { name: 'empty', publisher: 'test', version: '0.0.0', engines: { vscode: '*' } };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function runModule(name: string, body: string): Promise<ExtensionTestRun> {
  const tests = join(folder, `${name}.cjs`);
  writeFileSync(tests, `exports.run = async () => { ${body} };`);
  const window = { folder, development: [folder], tests };
  return runExtensionTests({ window, timeoutMs: 60_000, onOutput: () => undefined });
}

test('a crash of the extension host is a failure, though the workbench hears of exit code 0', async () => {
  const { exitCode, problem } = await runModule('crash', "process.kill(process.pid, 'SIGSEGV');");
  expect(exitCode).toBe(1);
  expect(problem).toMatch(/SIGSEGV/);
});

test('tests that reject are a failure', async () => {
  expect((await runModule('reject', "throw new Error('no');")).exitCode).not.toBe(0);
});

test('tests that end well are a success', async () => {
  expect(await runModule('good', '')).toEqual({ exitCode: 0, problem: null });
});
