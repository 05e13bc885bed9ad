/**
 * `code --extensionDevelopmentPath=… --extensionTestsPath=… FOLDER`: runs extension tests in VS Code's server and web
 * workbench, with the exit code of desktop VS Code. Other switches are desktop VS Code's own and mean nothing here.
 */
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { importTests } from './importTests.mjs';

const { values, positionals } = parseArgs({
  strict: false,
  allowPositionals: true,
  options: {
    extensionDevelopmentPath: { type: 'string' },
    extensionTestsPath: { type: 'string' },
    'user-data-dir': { type: 'string' },
    'enable-workspace-trust': { type: 'boolean' },
  },
});
const { runExtensionTests } = await importTests('test/support/workbench/runExtensionTests.ts');
const { exitCode, problem } = await runExtensionTests({
  window: {
    folder: positionals.find((path) => existsSync(path)) ?? null,
    development: [values.extensionDevelopmentPath],
    tests: values.extensionTestsPath,
  },
  workspaceTrust: values['enable-workspace-trust'] === true,
  timeoutMs: 300_000,
  onOutput: console.log,
});
if (problem !== null) console.error(problem);
process.exit(exitCode);
