/**
 * Imports a TypeScript module of the extension into a set-up script, so that set-up and the program share their code.
 * dist/ may not be built yet, so the module is bundled into a temporary file.
 */
import { build } from 'esbuild';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeBundle } from '../bundleOptions.mjs';

export const projectRoot = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** @param {string} module path from the project's root */
export async function importTypeScript(module) {
  const folder = mkdtempSync(path.join(tmpdir(), 'precision-bench-setup-'));
  try {
    const outfile = path.join(folder, 'module.cjs');
    await build({ ...nodeBundle, sourcemap: 'inline', entryPoints: [path.join(projectRoot, module)], outfile });
    return createRequire(import.meta.url)(outfile);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
