import { describe, expect, it } from 'vitest';
import { chromiumPath, usePlayground } from './support/usePlayground';

describe.skipIf(chromiumPath === null)('the engine viewer', () => {
  const open = usePlayground();

  it('shows the passport beside this machine, and marks what keeps the engine from running', async () => {
    const { page } = await open('engine');
    await page.getByText('Does not run on this machine').waitFor();
    const rows = page.locator('.differences tbody tr');
    await expect.poll(() => rows.count()).toBe(3);
    expect(await page.locator('.differences tr.matters').count()).toBe(2);
    expect(await page.locator('.passport').textContent()).toContain('NVIDIA L4 (sm_89, CUDA 13.0)');
    expect(await page.getByText('32×3×224×224').count()).toBe(1);
  });

  it('sorts layers by time and searches them', async () => {
    const { page } = await open('engine');
    const times = async (): Promise<number[]> =>
      (await page.locator('.windowed tbody td.num:nth-of-type(3)').allTextContents()).map((text) => parseFloat(text));
    const slowest = (await times()).slice(0, 8);
    expect(slowest).toEqual([...slowest].sort((a, b) => b - a));
    await page.locator('select[data-field="layerOrder"]').selectOption('engine');
    await expect.poll(async () => (await times()).slice(0, 8)).not.toEqual(slowest);
    await page.locator('[data-field="layerSearch"] input').fill('softmax layer3');
    await page.getByText('1 of 60 layers', { exact: false }).waitFor();
  });

  it('draws four thousand layers a window at a time', async () => {
    const { page } = await open('engine', { scenario: 'bigEngine' });
    await page.getByText('4,000 layers', { exact: false }).first().waitFor();
    expect(await page.locator('.windowed tbody tr').count()).toBeLessThan(60);
    expect(await page.locator('.windowed table').getAttribute('aria-rowcount')).toBe('4001');
  });

  it('says what can be said without a passport', async () => {
    const { page, calls } = await open('engine', { scenario: 'noPassport' });
    await page.getByText('There is no passport beside this engine', { exact: false }).waitFor();
    expect(await calls('compareWithMachine')).toEqual([]);
    for (const button of ['openReport', 'reveal', 'rebuild']) await page.locator(`[data-action="${button}"]`).click();
    await expect
      .poll(async () => (await calls()).map(({ method }) => method))
      .toEqual(['load', 'openReport', 'reveal', 'rebuild']);
  });
});
