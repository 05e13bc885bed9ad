/** Set-up on a machine that has Node and nothing else: a warning for a user, a failure in CI, and what is missing is said. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

describe.skipIf(process.platform === 'win32')('set-up scripts without any tools', () => {
  let home = '';
  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), 'bare-machine-'));
  });
  afterAll(() => {
    rmSync(home, { recursive: true });
  });

  function run(script: string, ci: string): { status: number | null; words: string } {
    const env = { HOME: home, PATH: join(home, 'no-programs'), CI: ci };
    const result = spawnSync(process.execPath, [join('scripts', 'setup', script)], { env, encoding: 'utf8' });
    return { status: result.status, words: result.stderr };
  }

  test.each([
    ['native.mjs', /no CMake/],
    ['tensorrt-rtx.mjs', process.arch === 'x64' || process.arch === 'arm64' ? /no pip/ : /no tensorrt-rtx for/],
  ])('%s warns a user and fails in CI', (script, words) => {
    const user = run(script, '');
    expect(user.status).toBe(0);
    expect(user.words).toMatch(words);
    expect(user.words).toMatch(/works without/);
    const ci = run(script, 'true');
    expect(ci.status).toBe(1);
    expect(ci.words).toMatch(words);
    // Nothing half installed stays.
    const left = readdirSync(home, { recursive: true }).filter((name) => String(name).includes('installing'));
    expect(left).toEqual([]);
  });
});
