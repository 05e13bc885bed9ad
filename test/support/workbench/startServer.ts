/**
 * Starts VS Code's server, which serves the web workbench and runs extension hosts. Everything it writes goes into a folder
 * that goes away with it. Before: `findWorkbench.ts`; after: `openWorkbench.ts`, `runExtensionTests.ts`.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findWorkbench } from './findWorkbench';

export interface ServerOptions {
  /** Added to `quietSettings`. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Folder of installed extensions; default an empty one. */
  readonly extensionsDir?: string;
  /** Kept when named; otherwise it is new and goes away. */
  readonly userDataDir?: string;
  /** What the extension host finds in its environment, beside ours. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Restricted Mode for folders nobody has trusted, as at a user's. Default false: everything is trusted. */
  readonly workspaceTrust?: boolean;
}

export interface Server {
  /** `http://127.0.0.1:PORT/` */
  readonly url: string;
  readonly process: ChildProcess;
  /** All that it printed so far. */
  output(): string;
  stop(): Promise<void>;
}

/** A workbench that asks nothing, advertises nothing and fetches nothing. */
const quietSettings = {
  'workbench.startupEditor': 'none',
  'workbench.colorTheme': 'Default Dark Modern',
  'workbench.tips.enabled': false,
  'workbench.enableExperiments': false,
  'workbench.welcomePage.walkthroughs.openOnInstall': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.reduceMotion': 'on',
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'extensions.autoUpdate': false,
  'extensions.autoCheckUpdates': false,
  'extensions.ignoreRecommendations': true,
  'chat.disableAIFeatures': true,
  'chat.commandCenter.enabled': false,
  'git.enabled': false,
  'npm.autoDetect': 'off',
  'typescript.disableAutomaticTypeAcquisition': true,
  // Dialogs and menus that a test can reach.
  'window.menuBarVisibility': 'classic',
  'window.dialogStyle': 'custom',
  'files.simpleDialog.enable': true,
};

const readyWithinMs = 60_000;

/** @throws Error with the server's output when it does not come up within a minute */
export async function startServer(options: ServerOptions = {}): Promise<Server> {
  const { node, serverMain } = findWorkbench();
  const scratch = mkdtempSync(join(tmpdir(), 'precision-bench-server-'));
  const userData = options.userDataDir ?? join(scratch, 'user-data');
  const extensions = options.extensionsDir ?? join(scratch, 'extensions');
  const serverData = join(scratch, 'server-data');
  for (const folder of [join(userData, 'User'), extensions, serverData]) mkdirSync(folder, { recursive: true });
  writeSettings(join(userData, 'User', 'settings.json'), options);

  const port = await freePort();
  const args = [
    serverMain,
    ...['--host', '127.0.0.1', '--port', String(port)],
    '--without-connection-token',
    '--accept-server-license-terms',
    // Without it the workbench ignores which extension and which tests it is asked to load.
    '--enable-smoke-test-driver',
    '--disable-telemetry',
    '--disable-experiments',
    '--disable-getting-started-override',
    // The environment is the one given here, not what the user's shell makes of it.
    '--force-disable-user-env',
    ...(options.workspaceTrust === true ? [] : ['--disable-workspace-trust']),
    ...['--user-data-dir', userData, '--extensions-dir', extensions, '--server-data-dir', serverData],
  ];
  const child = spawnWithUs(node, args, serverEnvironment(options.environment));
  let output = '';
  const keep = (data: Buffer) => (output += data.toString());
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);

  const url = `http://127.0.0.1:${port}/`;
  const server = { url, process: child, output: () => output, stop: () => stopServer(child, scratch) };
  try {
    await untilReady(server);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

function writeSettings(file: string, options: ServerOptions): void {
  const trust = { 'security.workspace.trust.enabled': options.workspaceTrust === true };
  const before = options.userDataDir === undefined ? {} : readSettings(file);
  writeFileSync(file, JSON.stringify({ ...quietSettings, ...trust, ...before, ...options.settings }, null, 2));
}

function readSettings(file: string): object {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as object;
  } catch {
    return {};
  }
}

/** Ours less what belongs to a VS Code around us; and no marketplace to ask. */
function serverEnvironment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = { ...process.env, EXTENSIONS_GALLERY: '{"serviceUrl":""}', ...more };
  for (const name of Object.keys(environment)) {
    if (/^(VSCODE_|ELECTRON_|VITEST)/.test(name) || name === 'NODE_OPTIONS') delete environment[name];
  }
  return environment;
}

/** In a process group of its own, so that it can be ended with all its children; ended by the kernel when we are killed. */
function spawnWithUs(program: string, args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  const hasSetpriv = spawnSync('setpriv', ['--version'], { stdio: 'ignore' }).status === 0;
  const command = hasSetpriv ? ['setpriv', '--pdeathsig', 'TERM', '--', program] : [program];
  return spawn(command[0] ?? program, [...command.slice(1), ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
}

async function untilReady(server: Server): Promise<void> {
  const deadline = Date.now() + readyWithinMs;
  while (Date.now() < deadline) {
    if (server.process.exitCode !== null) break;
    if (server.output().includes('Extension host agent started')) {
      const answer = await fetch(`${server.url}version`).catch(() => null);
      if (answer?.ok === true) return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`VS Code's server did not come up. It printed:\n${server.output()}`);
}

async function stopServer(child: ChildProcess, scratch: string): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const group = -(child.pid ?? 0);
  if (child.exitCode === null && child.signalCode === null) {
    signal(group, 'SIGTERM');
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 3000))]);
  }
  signal(group, 'SIGKILL');
  rmSync(scratch, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

function signal(group: number, name: NodeJS.Signals): void {
  try {
    if (group !== 0) process.kill(group, name);
  } catch {
    // All of it has ended.
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => {
        if (address === null || typeof address === 'string') reject(new Error('no port'));
        else resolve(address.port);
      });
    });
  });
}
