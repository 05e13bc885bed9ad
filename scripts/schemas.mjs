/**
 * Writes `schemas/*.schema.json` from the TypeBox schemas in `extension/contract/`; with `--check` only compares and exits
 * with 1 when a file is out of date.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { format, resolveConfig } from 'prettier';
import { importTypeScript, projectRoot } from './setup/importTypeScript.mjs';

const folder = path.join(projectRoot, 'schemas');

const { editorSchemas } = await importTypeScript('extension/contract/editorSchema.ts');
const checkOnly = process.argv.includes('--check');
const outdated = [];
for (const [name, schema] of Object.entries(editorSchemas())) {
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
