/**
 * Writes `schemas/*.schema.json` from the TypeBox schemas in `extension/contract/`; with `--check` only compares and exits
 * with 1 when a file is out of date.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { format, resolveConfig } from 'prettier';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const folder = path.join(root, 'schemas');

/** Node 20 runs no TypeScript: the contract is bundled into a temporary module first. */
async function loadSchemas() {
  const temporary = await mkdtemp(path.join(tmpdir(), 'precision-bench-schemas-'));
  try {
    const outfile = path.join(temporary, 'editorSchema.mjs');
    const entry = path.join(root, 'extension/contract/editorSchema.ts');
    await build({ entryPoints: [entry], outfile, bundle: true, platform: 'node', format: 'esm', logLevel: 'error' });
    const { editorSchemas } = await import(pathToFileURL(outfile).href);
    return editorSchemas();
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

const checkOnly = process.argv.includes('--check');
const outdated = [];
for (const [name, schema] of Object.entries(await loadSchemas())) {
  const file = path.join(folder, name);
  const text = await format(JSON.stringify(schema), { ...(await resolveConfig(file)), parser: 'json' });
  const current = await readFile(file, 'utf8').catch(() => null);
  if (text === current) continue;
  outdated.push(name);
  if (checkOnly) continue;
  await mkdir(folder, { recursive: true });
  await writeFile(file, text);
}
if (outdated.length > 0) console.log(`${checkOnly ? 'Out of date' : 'Written'}: ${outdated.join(', ')}`);
if (checkOnly && outdated.length > 0) {
  console.error('Run npm run schemas.');
  process.exitCode = 1;
}
