/**
 * Where the real VS Code and the browser that tests drive lie on this machine; `scripts/workbench/install.mjs` puts them
 * there, `startServer.ts` and `startBrowser.ts` start them.
 */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { toolHome } from '../../../extension/build/install/toolHome';
import { codeServerVersion, nodeVersion } from '../../../scripts/workbench/versions.mjs';

export interface Workbench {
  /** Everything of code-server; exists only when complete. */
  readonly folder: string;
  /** The Node that runs it. */
  readonly node: string;
  /** VS Code's own entry: the code-server shell refuses the switch that lets tests load extensions from folders. */
  readonly serverMain: string;
  /** The code-server shell, which installs packages. */
  readonly shell: string;
  /** Null where there is none. */
  readonly chromium: string | null;
}

const browserNames = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'] as const;

function findBrowser(environment: NodeJS.ProcessEnv): string | null {
  const named = environment['PRECISION_BENCH_CHROMIUM'];
  if (named) return existsSync(named) ? named : null;
  const folders = (environment['PATH'] ?? '').split(delimiter).filter(Boolean);
  const candidates = browserNames.flatMap((name) => folders.map((folder) => join(folder, name)));
  return candidates.find((candidate) => existsSync(candidate)) ?? null;
}

export function findWorkbench(environment: NodeJS.ProcessEnv = process.env): Workbench {
  const folder = join(toolHome(environment), `workbench-${codeServerVersion}-node-${nodeVersion}`);
  const codeServer = join(folder, 'node_modules', 'code-server');
  return {
    folder,
    node: join(folder, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node'),
    serverMain: join(codeServer, 'lib', 'vscode', 'out', 'server-main.js'),
    shell: join(codeServer, 'out', 'node', 'entry.js'),
    chromium: findBrowser(environment),
  };
}

/** Why tests in the workbench cannot run here; null when they can. */
export function missingWorkbench(workbench: Workbench = findWorkbench()): string | null {
  if (!existsSync(workbench.serverMain)) return `VS Code's server is not at ${workbench.folder}`;
  if (workbench.chromium === null) return 'there is no Chromium on PATH';
  return null;
}
