import { describe, expect, it } from 'vitest';
import { chromiumPath, isDisabled, usePlayground } from './support/usePlayground';

describe.skipIf(chromiumPath === null)('runs in the convert panel', () => {
  const open = usePlayground();

  it('shows a run from its start to its report', async () => {
    const { page, calls } = await open('convert');
    await page.getByText('Nothing was run yet.', { exact: false }).waitFor();
    await page.locator('[data-action="convert"]').click();
    await page.locator('.run.running [data-stage="calibrate"]').waitFor();
    await page.locator('.active-run').waitFor();
    await page.locator('.run.done [data-action="showComparison"]').click();
    await page.locator('.run.done [data-action="showReport"]').click();
    await expect.poll(() => calls('showReport')).toEqual([{ method: 'showReport', params: { runId: 'run-1' } }]);
    expect(await calls('showComparison')).toHaveLength(1);
    expect(await page.locator('.active-run').count()).toBe(0);
  });

  it('cancels what runs and what waits', async () => {
    const { page } = await open('convert', { scenario: 'running' });
    await page.getByText('1 in front').waitFor();
    await page.locator('.run.running [data-action="cancel"]').click();
    await page.locator('.run.queued [data-action="cancel"]').click();
    await expect.poll(() => page.locator('.run.cancelled').count()).toBe(2);
    expect(await page.locator('[data-action="cancel"]').count()).toBe(0);
  });

  it('tells progress to eyes and ears', async () => {
    const { page } = await open('convert', { scenario: 'running' });
    const run = page.locator('.run.running');
    expect(await run.locator('progress').evaluate((bar: HTMLProgressElement) => bar.value)).toBeCloseTo(0.42);
    expect(await run.locator('[aria-live="polite"]').textContent()).toBe('Building engines: int8');
    expect(await page.locator('.active-run').textContent()).toContain('Building engines: int8 42%');
    expect(await run.textContent()).toContain('7 s left');
  });

  it('puts a failure into words with buttons that act', async () => {
    const { page, calls } = await open('convert', { scenario: 'failed' });
    const box = page.locator('.run.failed [role="alert"]');
    expect(await box.textContent()).toContain('Keep the node in FP16, or leave out the target sm_75.');
    expect(await box.textContent()).toContain('/layer1/Conv');
    await box.locator('[data-action="retry"]').click();
    await expect.poll(() => calls('act')).toEqual([{ method: 'act', params: { action: 'retry', runId: 'run-2' } }]);
    await page.getByText('int8: top-1 dropped by 1.20 points, the gate allows 0.50.').waitFor();
  });

  it('lists problems of the plan, leads to the field, and mends it by a button', async () => {
    const { page, calls } = await open('convert', { scenario: 'problems' });
    const problem = page.locator('.problem.error');
    await problem.waitFor();
    expect(await isDisabled(page.locator('[data-action="convert"]'))).toBe(true);
    await page.locator('.problem.warning [data-action="goTo"]').click();
    await expect.poll(() => page.locator('#section-layers').getAttribute('open')).not.toBeNull();
    await problem.locator('[data-action="dropPrecision"]').click();
    await expect.poll(() => problem.count()).toBe(0);
    expect(await calls('act')).toEqual([{ method: 'act', params: { action: 'dropPrecision', runId: null } }]);
    await expect.poll(() => isDisabled(page.locator('[data-action="convert"]'))).toBe(false);
  });

  it('runs nothing without trust', async () => {
    const { page, calls } = await open('convert', { scenario: 'untrusted' });
    expect(await isDisabled(page.locator('[data-action="convert"]'))).toBe(true);
    expect(await isDisabled(page.locator('[data-action="preview-calibration"]'))).toBe(true);
    await page.locator('[data-action="manageTrust"]').click();
    await expect.poll(() => calls('act')).toEqual([{ method: 'act', params: { action: 'manageTrust', runId: null } }]);
    await page.evaluate(() => window.fakeHost.emit('trustChanged', { trusted: true }));
    await expect.poll(() => isDisabled(page.locator('[data-action="convert"]'))).toBe(false);
  });

  it('shows why a model cannot be read, and asks again', async () => {
    const { page, calls } = await open('convert', { scenario: 'brokenModel' });
    await page.getByText('ends in the middle of the weights', { exact: false }).waitFor();
    await page.locator('#section-model [data-action="retryRequest"]').click();
    await expect.poll(async () => (await calls('inspect')).length).toBe(2);
  });

  it('saves, names the file, and copies the command', async () => {
    const { page, calls } = await open('convert');
    await page.locator('[data-action="savePlan"]').click();
    await page.getByText('/home/ada/models/digits.trtplan.json').waitFor();
    await page.locator('[data-action="copyCommand"]').click();
    await expect.poll(async () => (await calls('copyCommand')).length).toBe(1);
    expect((await calls('savePlan'))[0]?.params).toMatchObject({ as: false, plan: { model: 'digits.onnx' } });
  });
});
