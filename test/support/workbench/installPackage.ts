/** Installs a .vsix as a user does, with an editor's `--install-extension`. */
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findWorkbench } from './findWorkbench';

export interface InstalledPackage {
  /** For a server's `extensionsDir`. */
  readonly extensionsDir: string;
  /** Where the editor unpacked ours. */
  readonly folder: string;
  /** What the editor said. */
  readonly output: string;
}

/** @param scratch an empty folder that holds all of it */
export async function installPackage(vsix: string, scratch: string): Promise<InstalledPackage> {
  const { node, shell } = findWorkbench();
  const extensionsDir = join(scratch, 'extensions');
  const userData = join(scratch, 'user-data');
  for (const folder of [extensionsDir, userData]) mkdirSync(folder, { recursive: true });
  const args = [shell, '--config', join(scratch, 'config.yaml'), '--user-data-dir', userData];
  const { stdout, stderr } = await promisify(execFile)(
    node,
    [...args, '--extensions-dir', extensionsDir, '--install-extension', vsix],
    { env: { ...process.env, EXTENSIONS_GALLERY: '{"serviceUrl":""}' }, timeout: 60_000 },
  );
  const ours = readdirSync(extensionsDir).find((name) => name.startsWith('precision-bench.precision-bench-'));
  if (ours === undefined) throw new Error(`The editor installed nothing. It said: ${stdout}${stderr}`);
  return { extensionsDir, folder: join(extensionsDir, ours), output: stdout };
}
