import { describe, expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import { chromiumPath, usePlayground } from './support/usePlayground';

/** How many pixels of a chart have a color of their own. */
async function drawnPixels(page: Page, figure: string): Promise<number> {
  return page.locator(`canvas[data-figure="${figure}"]`).evaluate((canvas: HTMLCanvasElement) => {
    const { data } = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height) ?? { data: [] };
    let drawn = 0;
    for (let i = 3; i < data.length; i += 4) if ((data[i] ?? 0) > 0) drawn++;
    return drawn;
  });
}

describe.skipIf(chromiumPath === null)('the comparison', () => {
  const open = usePlayground();

  it('labels CPU latency and never sets accuracy against it', async () => {
    const { page } = await open('comparison');
    await expect.poll(() => drawnPixels(page, 'latency-cpu')).toBeGreaterThan(2000);
    await page.getByText('The CPU runtime’s time does not predict TensorRT’s.', { exact: false }).waitFor();
    const figures = await page
      .locator('canvas')
      .evaluateAll((all) => all.map((one) => (one as HTMLElement).dataset['figure']));
    expect(figures).toEqual(['latency-cpu', 'accuracy-engine']);
    expect(await page.getByText('Speed-up on the GPU').locator('..').textContent()).toContain('not measured');
  });

  it('draws accuracy against latency where a GPU measured, with the numbers as a table', async () => {
    const { page } = await open('comparison', { scenario: 'gpu' });
    await expect.poll(() => drawnPixels(page, 'accuracy-NVIDIA L4')).toBeGreaterThan(1000);
    await page.locator('[data-fold="table-accuracy-NVIDIA L4"] > summary').click();
    const rows = page.locator('[data-fold="table-accuracy-NVIDIA L4"] tbody tr');
    const texts = (): Promise<string[]> =>
      rows.evaluateAll((all) =>
        all.map((row) =>
          [...row.children].map((cell) => (cell as HTMLElement).innerText.replace('\n', ' ')).join('; '),
        ),
      );
    await expect
      .poll(texts)
      .toEqual([
        'fp32; 87.00% 83.3–89.9%; 2.97 ms',
        'fp16; 87.00% 83.3–89.9%; 1.28 ms',
        'int8; 87.75% 84.2–90.6%; 0.676 ms',
      ]);
  });

  it('shows texts of the report as texts', async () => {
    const { page } = await open('comparison');
    await page.getByText('<img src=x onerror=alert(2)>', { exact: false }).first().waitFor();
    expect(await page.locator('img[src="x"]').count()).toBe(0);
  });

  it('shows the worst samples as pictures, once asked', async () => {
    const { page, calls } = await open('comparison');
    expect(await calls('worstPictures')).toEqual([]);
    await page.locator('[data-fold="variant-int8"] > summary').click();
    await page.locator('[data-fold="worst-int8"] > summary').click();
    await expect.poll(() => page.locator('[data-fold="worst-int8"] img').count()).toBe(3);
    expect(await page.locator('[data-fold="worst-int8"] .no-picture').count()).toBe(1);
    expect(await calls('worstPictures')).toEqual([
      { method: 'worstPictures', params: { id: 'first', variant: 'int8' } },
    ]);
  });

  it('opens files, copies, exports', async () => {
    const { page, calls } = await open('comparison');
    await page.locator('[data-action="openReport"]').click();
    await page.locator('[data-action="copyCommand"]').click();
    await page.locator('[data-fold="export"] > summary').click();
    for (const format of ['html', 'csv', 'png']) await page.locator(`[data-action="export-${format}"]`).click();
    await page.locator('[data-action="revealEngine"]').click();
    await page.locator('[data-fold="variant-fp16"] > summary').click();
    await page.locator('[data-action="openEngine"]').first().click();
    await page.locator('[data-action="revealArtifact"]').first().click();
    await expect.poll(async () => (await calls('revealArtifact')).length).toBe(2);
    const engine = { id: 'first', path: 'efficientnet-lite0.fp16.sm_89.engine' };
    expect((await calls('revealArtifact'))[0]?.params).toEqual(engine);
    expect((await calls('openEngine'))[0]?.params).toEqual({
      id: 'first',
      path: 'efficientnet-lite0.fp16.sm_89.engine',
    });
    const exported = (await calls('exportAs')).map(({ params }) => params as { format: string; png: string | null });
    expect(exported.map(({ format, png }) => [format, png === null])).toEqual([
      ['html', true],
      ['csv', true],
      ['png', false],
    ]);
    expect(exported[2]?.png).toMatch(/^data:image\/png;base64,.{5000}/);
  });

  it('sets two runs side by side and ends it', async () => {
    const { page } = await open('comparison');
    await page.locator('[data-entry="second"] [data-action="beside"]').click();
    await page.getByText('Two runs side by side').waitFor();
    await expect
      .poll(() => page.locator('canvas[data-figure="latency-cpu"]').getAttribute('aria-label'))
      .toContain('fp16 B 17.9 ms');
    expect(await page.locator('.data tbody tr').nth(1).textContent()).toContain('1.12×');
    await page.locator('[data-entry="second"] [data-action="endBeside"]').click();
    await page.locator('#verdict-title').waitFor();
  });

  it('warns where two runs cannot be compared', async () => {
    const { page } = await open('comparison', { scenario: 'gpu' });
    await page.locator('[data-entry="cpu"] [data-action="beside"]').click();
    await page.getByText('They were measured on different devices: latencies are not comparable.').waitFor();
  });

  it('restores what was shown and folded open', async () => {
    const { page, calls } = await open('comparison');
    await page.locator('[data-entry="second"] [data-action="show"]').click();
    await page.locator('[data-fold="warnings"] > summary').click();
    await expect.poll(async () => (await calls('show')).length).toBe(1);
    await page.reload();
    await page.waitForSelector('body[data-ready]');
    await expect.poll(() => page.locator('[data-entry="second"] [aria-current="true"]').count()).toBe(1);
    expect(await page.locator('[data-fold="warnings"] li').count()).toBeGreaterThan(2);
  });

  it('forgets runs, and marks those that are gone', async () => {
    const { page } = await open('comparison');
    const gone = page.locator('[data-entry="gone"]');
    expect(await gone.locator('[data-action="show"]').isDisabled()).toBe(true);
    await gone.locator('[data-action="forget"]').click();
    await expect.poll(() => gone.count()).toBe(0);
  });

  it('welcomes with ways to begin', async () => {
    const { page, calls } = await open('comparison', { scenario: 'empty' });
    await page.locator('[data-action="startConversion"]').click();
    await page.locator('[data-action="openWalkthrough"]').click();
    await expect
      .poll(async () => (await calls()).slice(1))
      .toEqual([
        { method: 'startConversion', params: { id: null } },
        { method: 'openWalkthrough', params: {} },
      ]);
  });

  it('draws again in the colors of a new theme', async () => {
    const { page } = await open('comparison', { theme: 'vscode-dark' });
    const ink = () =>
      page.locator('canvas[data-figure="latency-cpu"]').evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL());
    await expect.poll(() => drawnPixels(page, 'latency-cpu')).toBeGreaterThan(2000);
    const before = await ink();
    await page.evaluate(() => window.applyTheme('vscode-light'));
    await expect.poll(ink).not.toBe(before);
  });
});
