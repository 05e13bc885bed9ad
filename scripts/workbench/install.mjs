/**
 * Fetches what tests in a real workbench need: code-server with its Node into the tool's own folder (once for all clones),
 * and Chromium through the system's packages. Looks first, so that it can be run again and again; called by `npm test`.
 *
 * `<tool home>/workbench-<versions>` exists only when it is complete: it is made aside and renamed.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { aptInstall } from '../setup/aptInstall.mjs';
import { importTypeScript } from '../setup/importTypeScript.mjs';
import { attempt, say } from '../setup/outcome.mjs';
import { codeServerVersion, nodeVersion } from './versions.mjs';

const commandLimitMs = 15 * 60_000;
const nodePackage = `node-${process.platform}-${process.arch}`;

/** @throws Error with the last lines of what the command printed */
function run(command, args, options = {}) {
  const result = spawnSync(command, args, { encoding: 'utf8', timeout: commandLimitMs, ...options });
  if (result.status === 0) return;
  const words = result.error?.message ?? `${result.stdout}\n${result.stderr}`.trim().split('\n').slice(-8).join('\n');
  throw new Error(`${command} ${args.slice(0, 2).join(' ')}: ${words}`);
}

/** VS Code's build without what tests never use: 300 MB of assistants, sandboxes and other platforms' tools. */
function removeUnused(vscode) {
  const modules = path.join(vscode, 'node_modules');
  for (const unused of ['extensions/copilot', 'node_modules/@github', 'node_modules/@microsoft/mxc-sdk']) {
    rmSync(path.join(vscode, unused), { recursive: true, force: true });
  }
  const ripgrep = path.join(modules, '@vscode', 'ripgrep-universal', 'bin');
  for (const name of existsSync(ripgrep) ? readdirSync(ripgrep) : []) {
    if (name !== `${process.platform}-${process.arch}`) rmSync(path.join(ripgrep, name), { recursive: true });
  }
}

/**
 * Two small addons: log files, and an extension host that ends with its server. They speak Node-API, so the headers of this
 * Node serve. Without them everything works, but the server's output fills with stack traces.
 */
function compileAddons(vscode) {
  const nodeFolder = path.dirname(path.dirname(process.execPath));
  if (!existsSync(path.join(nodeFolder, 'include', 'node', 'node_api.h'))) return;
  const env = { ...process.env, JOBS: '2', CXXFLAGS: '-O0', npm_config_nodedir: nodeFolder };
  try {
    run('npm', ['rebuild', '--foreground-scripts', '@vscode/spdlog', '@vscode/native-watchdog'], { cwd: vscode, env });
  } catch (error) {
    say(`code-server's log files stay away: ${error.message.split('\n').at(-1)}`);
  }
}

function fetchCodeServer(folder) {
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', '--engine-strict=false'];
  writeFileSync(path.join(folder, 'package.json'), '{ "private": true }\n');
  const packages = [`code-server@${codeServerVersion}`, `${nodePackage}@${nodeVersion}`];
  run('npm', ['install', ...quiet, '--prefix', folder, ...packages]);
  // The archive holds VS Code's build but not its dependencies; its own install script would compile all of them.
  const vscode = path.join(folder, 'node_modules', 'code-server', 'lib', 'vscode');
  run('npm', ['install', ...quiet, '--omit=dev'], { cwd: vscode });
  removeUnused(vscode);
  compileAddons(vscode);
}

function installCodeServer(folder) {
  const aside = `${folder}.installing-${process.pid}`;
  mkdirSync(aside, { recursive: true });
  try {
    say(`fetching VS Code's server and web workbench: code-server ${codeServerVersion}, 200 MB, minutes`);
    fetchCodeServer(aside);
    // Another process may have been faster; then its copy serves.
    if (!existsSync(folder)) renameSync(aside, folder);
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

const code = 'INSTALL_FAILED';

await attempt(async () => {
  if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch)) {
    const reason = `The workbench for tests runs on Linux (x64, arm64), not on ${process.platform}-${process.arch}.`;
    return [{ code, reason, fix: 'Run the same tests in desktop VS Code: "npm run test:desktop".' }];
  }
  const problems = [];
  const { findWorkbench } = await importTypeScript('test/support/workbench/findWorkbench.ts');
  const before = findWorkbench();
  if (!existsSync(before.serverMain)) {
    try {
      installCodeServer(before.folder);
    } catch (error) {
      problems.push({ code, reason: error.message, fix: 'Check the network and the configuration of npm; run again.' });
    }
  }
  if (before.chromium === null) {
    try {
      aptInstall(['chromium']);
    } catch (error) {
      const fix = 'Install Chromium or Chrome and have it on PATH, or name it with PRECISION_BENCH_CHROMIUM.';
      problems.push({ code, reason: `There is no Chromium on this machine. ${error.message}`, fix });
    }
  }
  const { folder, chromium } = findWorkbench();
  if (problems.length === 0) say(`workbench: ${folder}, ${chromium}`);
  return problems;
}, 'Tests in the real workbench are skipped.');
