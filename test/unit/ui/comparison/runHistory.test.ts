import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Report } from '../../../../extension/contract/report';
import { reportId, RunHistory, type HistoryRecord } from '../../../../extension/ui/comparison/runHistory';
import { sampleReport } from '../../report/sampleReport';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pb-history-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function setUp(stored: unknown = undefined) {
  let kept = stored;
  const store = {
    get: () => kept,
    set: (records: readonly HistoryRecord[]) => {
      kept = structuredClone(records);
      return Promise.resolve();
    },
  };
  const copies = join(folder, 'copies');
  const file = join(folder, 'report.json');
  const write = (report: Report) => writeFileSync(file, JSON.stringify(report));
  return { history: new RunHistory(store, copies), copies, file, write, kept: () => kept };
}

const report = (createdAt: string): Report => ({ ...sampleReport(), createdAt });

it('lists newest first, and each run into the same folder', async () => {
  const { history, file, write } = setUp();
  const [old, recent] = [report('2026-01-01T00:00:00.000Z'), report('2026-02-01T00:00:00.000Z')];
  for (const one of [recent, old]) {
    write(one);
    await history.add(one, file);
  }
  const entries = await history.list();
  expect(entries.map(({ createdAt, files, available }) => [createdAt, files, available])).toEqual([
    [recent.createdAt, 'replaced', true],
    [old.createdAt, 'there', true],
  ]);
  expect(await history.read(reportId(recent, file))).toEqual(recent);
});

it('shows a report whose files are gone, and marks it', async () => {
  const { history, file } = setUp();
  const one = report('2026-01-01T00:00:00.000Z');
  const id = await history.add(one, file);
  expect((await history.list())[0]).toMatchObject({ id, files: 'gone', available: true });
  expect(await history.read(id)).toEqual(one);
});

it('has nothing to show when the copy is gone as well', async () => {
  const { history, file, copies } = setUp();
  const id = await history.add(report('2026-01-01T00:00:00.000Z'), file);
  rmSync(copies, { recursive: true });
  expect((await history.list())[0]).toMatchObject({ files: 'gone', available: false });
  await expect(history.read(id)).rejects.toMatchObject({ code: 'REPORT_INVALID' });
});

it('takes a report in once, and tells of changes', async () => {
  const { history, file, copies } = setUp();
  const listener = vi.fn();
  const stop = history.onDidChange(listener);
  const one = report('2026-01-01T00:00:00.000Z');
  const id = await history.add(one, file);
  await history.add(one, file);
  expect(await history.list()).toHaveLength(1);
  await history.forget(id);
  expect(await history.list()).toEqual([]);
  expect(readdirSync(copies)).toEqual([]);
  expect(listener).toHaveBeenCalledTimes(3);
  stop();
  await history.add(one, file);
  expect(listener).toHaveBeenCalledTimes(3);
});

it('keeps the last fifty, and no copies of others', async () => {
  const { history, file, copies } = setUp();
  for (let at = 0; at < 53; at++) await history.add(report(new Date(at * 1e6).toISOString()), file);
  expect(await history.list()).toHaveLength(50);
  expect(readdirSync(copies)).toHaveLength(50);
});

it('begins anew where another version stored something else', async () => {
  const { history, file } = setUp([{ id: '../../etc', model: 1 }, null, 'x']);
  expect(await history.list()).toEqual([]);
  await history.add(report('2026-01-01T00:00:00.000Z'), file);
  expect(await history.list()).toHaveLength(1);
  expect(existsSync(folder)).toBe(true);
});
