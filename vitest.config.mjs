import { defineConfig } from 'vitest/config';
import { viteInlineFiles } from './scripts/inlineFilesPlugin.mjs';
import { viteReportPage } from './scripts/reportPagePlugin.mjs';

/**
 * Tiers are folders; files are globbed, never listed; zero tests found is a failure. `slow` mirrors extension/ as `unit`
 * does, and holds what takes seconds: files above 2 GB, worker processes that die, whole models.
 */
const tier = (name, testTimeout, more = {}) => ({
  extends: true,
  test: { name, include: [`test/${name}/**/*.test.ts`], testTimeout, hookTimeout: 60_000, ...more },
});

/** A window of VS Code with its server and browser takes more than a gigabyte and both cores: one at a time. */
const oneWindow = { maxWorkers: 1, hookTimeout: 180_000 };

export default defineConfig({
  // `virtual:report-page`, as in esbuild.mjs.
  plugins: [viteReportPage, viteInlineFiles],
  test: {
    passWithNoTests: false,
    pool: 'forks',
    projects: [
      tier('unit', 20_000),
      tier('slow', 120_000),
      tier('native', 120_000),
      tier('cli', 180_000),
      tier('webview', 120_000, { expect: { poll: { timeout: 15_000 } } }),
      tier('workbench', 120_000, oneWindow),
      // No test: `npm run screenshots` takes the pictures of media/screenshots.
      tier('screenshots', 300_000, oneWindow),
    ],
  },
});
