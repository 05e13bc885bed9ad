/**
 * Provides `virtual:report-page`, the inlined script and styles of the HTML report, to esbuild and to vitest.
 *
 * The page is a program for the browser, the report renderer one for Node: bundling the first to text is a build step of
 * the second, and both bundlers must do the same.
 */
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const moduleId = 'virtual:report-page';
const page = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', 'webview', 'report');

/** @returns the bundled page and the files it was made of */
async function bundleReportPage() {
  const result = await build({
    entryPoints: [path.join(page, 'page.ts'), path.join(page, 'page.css')],
    outdir: 'out',
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    charset: 'ascii',
    legalComments: 'inline',
    logLevel: 'silent',
  });
  const text = (extension) => result.outputFiles.find((file) => file.path.endsWith(extension)).text;
  const code = `export const script = ${JSON.stringify(text('.js'))};\nexport const styles = ${JSON.stringify(text('.css'))};\n`;
  return { code, inputs: Object.keys(result.metafile.inputs).map((file) => path.resolve(file)) };
}

export const esbuildReportPage = {
  name: 'report-page',
  setup(bundler) {
    bundler.onResolve({ filter: /^virtual:report-page$/ }, () => ({ path: moduleId, namespace: 'report-page' }));
    bundler.onLoad({ filter: /.*/, namespace: 'report-page' }, async () => {
      const { code, inputs } = await bundleReportPage();
      return { contents: code, loader: 'js', watchFiles: inputs };
    });
  },
};

export const viteReportPage = {
  name: 'report-page',
  resolveId: (id) => (id === moduleId ? `\0${moduleId}` : null),
  load: async (id) => (id === `\0${moduleId}` ? (await bundleReportPage()).code : null),
};
