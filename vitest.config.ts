import { defineConfig } from 'vitest/config';

/** Tiers are folders; files are globbed, never listed; zero tests found is a failure. */
const tier = (name: string, testTimeout: number) => ({
  extends: true as const,
  test: { name, include: [`test/${name}/**/*.test.ts`], testTimeout, hookTimeout: 60_000 },
});

export default defineConfig({
  test: {
    passWithNoTests: false,
    pool: 'forks',
    projects: [tier('unit', 20_000), tier('cli', 180_000)],
  },
});
