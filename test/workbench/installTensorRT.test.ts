/**
 * *Install TensorRT* with a package client that stands in for pip: what is fetched is gigabytes, and what has to hold is that
 * nothing happens unasked and nothing stays behind.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { useWorkbench } from '../support/workbench/useWorkbench';

const scratch = mkdtempSync(join(tmpdir(), 'pb-install-'));
const home = join(scratch, 'home');
const bin = join(scratch, 'bin');
/** The process id of a download under way. */
const started = join(scratch, 'started');
/** While it exists, downloads fail at once. */
const unreachable = join(scratch, 'unreachable');
mkdirSync(home);
mkdirSync(bin);
const pip = `#!/bin/sh
case "$*" in *--version*) echo "pip 24.0"; exit 0;; esac
if [ -e ${unreachable} ]; then echo "ERROR: No matching distribution found" >&2; exit 1; fi
echo half > "$TMPDIR/half.whl.part"
echo $$ > ${started}
exec sleep 300
`;
for (const name of ['python3', 'python', 'pip3', 'pip']) writeFileSync(join(bin, name), pip, { mode: 0o755 });
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const window = useWorkbench({
  environment: { PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}`, PRECISION_BENCH_HOME: home },
});

async function choose(): Promise<void> {
  await window().command('Precision Bench: Install TensorRT…');
  const row = window().page.locator('.quick-input-list .monaco-list-row').filter({ hasText: 'tensorrt-rtx' });
  await row.first().click({ timeout: 30_000 });
  await window().page.locator('.monaco-dialog-box').waitFor({ timeout: 20_000 });
}

async function answer(button: string): Promise<void> {
  const dialog = window().page.locator('.monaco-dialog-box');
  await dialog.locator('.monaco-button').filter({ hasText: button }).first().click();
  await dialog.waitFor({ state: 'detached', timeout: 10_000 });
}

function isRunning(id: number): boolean {
  try {
    process.kill(id, 0);
    return true;
  } catch {
    return false;
  }
}

it('says what is fetched and where to, and fetches nothing when told not to', async () => {
  await choose();
  expect(await window().page.locator('.monaco-dialog-box').innerText()).toContain(home);
  await answer('Cancel');
  expect(existsSync(started)).toBe(false);
  expect(readdirSync(home)).toEqual([]);
});

it('is cancelled in the middle, and leaves nothing behind', async () => {
  await choose();
  await answer('Install');
  await expect.poll(() => existsSync(started), { timeout: 30_000 }).toBe(true);
  const client = Number(readFileSync(started, 'utf8'));
  expect(isRunning(client)).toBe(true);
  const progress = await window().notification('Installing tensorrt-rtx');
  await progress.locator('.monaco-button').filter({ hasText: 'Cancel' }).click();
  await expect.poll(() => isRunning(client), { timeout: 20_000 }).toBe(false);
  await expect.poll(() => readdirSync(home), { timeout: 20_000 }).toEqual([]);
  // A user who cancelled is not told of an error.
  await progress.waitFor({ state: 'detached', timeout: 10_000 });
  expect(await window().notifications()).toEqual([]);
});

it('says what the package client said when it fails, and what to do', async () => {
  writeFileSync(unreachable, '');
  await choose();
  await answer('Install');
  const error = await window().notification('No matching distribution found');
  expect(await error.innerText()).toMatch(/pip/);
  expect(readdirSync(home)).toEqual([]);
});

it('threw nothing in the window', () => {
  expect(window().pageErrors).toEqual([]);
});
