/**
 * Gives vitest what esbuild's `binary` and `text` loaders give the bundles (`bundleOptions.mjs`): `.wasm` as bytes and
 * `.py` as text, so that nothing has to be found on disk at run time.
 */
import { readFile } from 'node:fs/promises';

const prefix = '\0inline:';
/** Paths are encoded: vitest would hand an id that contains `node_modules` to Node. */
const encodePath = (file) => prefix + Buffer.from(file).toString('hex');
const decodePath = (id) => Buffer.from(id.slice(prefix.length), 'hex').toString();

export const viteInlineFiles = {
  name: 'inline-files',
  enforce: 'pre',
  async resolveId(id, importer) {
    // A package may export a .wasm under a name without that ending.
    const named = /\.(wasm|py)$/.test(id) || id.endsWith('wasm');
    if (!named || id.startsWith('\0')) return null;
    const resolved = await this.resolve(id, importer, { skipSelf: true });
    const file = resolved?.id.split('?')[0];
    return file !== undefined && /\.(wasm|py)$/.test(file) ? encodePath(file) : null;
  },
  async load(id) {
    if (!id.startsWith(prefix)) return null;
    const file = decodePath(id);
    const bytes = await readFile(file);
    return file.endsWith('.py')
      ? `export default ${JSON.stringify(bytes.toString('utf8'))};`
      : `export default Uint8Array.from(Buffer.from(${JSON.stringify(bytes.toString('base64'))}, 'base64'));`;
  },
};
