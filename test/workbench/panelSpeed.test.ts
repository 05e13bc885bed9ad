/**
 * How soon the convert panel is there after the click, beside an empty panel of another extension in turns: what that one takes
 * is the workbench's.
 */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { repository } from '../support/workbench/openWorkbench';
import { panelTimes, type PanelTimes } from '../support/workbench/panelTimes';
import { recordDuration } from '../support/workbench/recordDuration';
import { useWorkbench } from '../support/workbench/useWorkbench';

const extensionsDir = mkdtempSync(join(tmpdir(), 'pb-empty-panel-'));
cpSync(
  join(repository, 'test', 'fixtures', 'emptyPanelExtension'),
  join(extensionsDir, 'precision-bench-tests.empty-panel-0.0.1'),
  { recursive: true },
);
afterAll(() => rmSync(extensionsDir, { recursive: true, force: true }));

const window = useWorkbench({ extensionsDir });
const row = 'digits_resnet_tiny.onnx';
const goalMs = 500;
/** Other work on the machine only adds to a measurement, so the smallest of a few is the closest to the truth. */
const turns = 5;
/** What the whole form, not its first paint alone, may take beside the empty page where the machine is slow or busy. */
const ratio = 2.25;

async function emptyPanel(): Promise<PanelTimes> {
  const times = await panelTimes(window(), {
    row,
    item: 'Open Empty Panel',
    tab: 'Empty Panel',
    page: 'body[data-page="empty"]',
  });
  await closeAll();
  return times;
}

async function convertPanel(): Promise<PanelTimes> {
  const times = await panelTimes(window(), {
    row,
    item: 'Convert to TensorRT',
    tab: `Convert ${row}`,
    page: 'body[data-page="convert"][data-ready]',
  });
  await closeAll();
  return times;
}

async function closeAll(): Promise<void> {
  await window().command('View: Close All Editors');
  await window().tab(/./).first().waitFor({ state: 'detached' });
}

function record(what: string, { tab, frame, painted, ready }: PanelTimes): void {
  recordDuration(`${what}: tab`, tab);
  recordDuration(`${what}: frame`, frame);
  recordDuration(`${what}: first paint`, painted);
  recordDuration(`${what}: contents`, ready);
}

it(`shows its form within ${goalMs} ms of the click, or ${ratio} times an empty panel's where that is more, once the workbench has shown a page before`, async () => {
  // The first two pages of a window wait for the workbench's own service worker, whoever shows them.
  record('empty panel, first of the window', await emptyPanel());
  record('empty panel, second of the window', await emptyPanel());
  record('convert panel, extension not used before', await convertPanel());
  let floor = Infinity;
  let ours = Infinity;
  for (let turn = 0; turn < turns; turn++) {
    const empty = await emptyPanel();
    const convert = await convertPanel();
    record('empty panel', empty);
    record('convert panel', convert);
    floor = Math.min(floor, empty.ready);
    ours = Math.min(ours, convert.ready);
  }
  recordDuration('convert panel less empty panel, best of each', ours - floor);
  expect(ours).toBeLessThanOrEqual(Math.max(goalMs, ratio * floor));
}, 240_000);
