/** Imports a TypeScript module of test/ into a script. Bundled inside the repository, where its packages are found. */
import { build } from 'esbuild';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { nodeBundle } from '../bundleOptions.mjs';
import { projectRoot } from '../setup/importTypeScript.mjs';

/** @param {string} module path from the project's root */
export async function importTests(module) {
  const parent = path.join(projectRoot, 'build');
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(path.join(parent, 'tests-'));
  try {
    const outfile = path.join(folder, 'module.cjs');
    const options = { ...nodeBundle, packages: 'external', sourcemap: 'inline' };
    await build({ ...options, entryPoints: [path.join(projectRoot, module)], outfile });
    return createRequire(import.meta.url)(outfile);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
