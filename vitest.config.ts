import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/unit/**/*.test.ts', 'test/native/**/*.test.ts'],
    // Zero tests found is a failure, never a silent success.
    passWithNoTests: false,
    testTimeout: 20_000,
    pool: 'forks',
  },
});
