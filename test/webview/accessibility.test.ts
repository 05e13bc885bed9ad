/** axe-core on every page, in every kind of theme, wide and as narrow as a side bar; with everything folded open. */
import axe from 'axe-core';
import { describe, expect, it } from 'vitest';
import { themeKinds } from '../../webview/playground/themes';
import { chromiumPath, usePlayground } from './support/usePlayground';

declare global {
  interface Window {
    axe: typeof axe;
  }
}

const pages: readonly (readonly [string, string])[] = [
  ['convert', 'everything'],
  ['convert', 'running'],
  ['convert', 'failed'],
  ['convert', 'problems'],
  ['convert', 'untrusted'],
  ['comparison', 'default'],
  ['comparison', 'beside'],
  ['comparison', 'empty'],
  ['engine', 'default'],
  ['engine', 'noPassport'],
];

describe.skipIf(chromiumPath === null)('accessibility', () => {
  const open = usePlayground();

  it.each(pages)('%s, %s', async (name, scenario) => {
    const { page } = await open(name, { scenario });
    await page.evaluate(axe.source);
    const faults: string[] = [];
    for (const width of [1100, 320]) {
      await page.setViewportSize({ width, height: 800 });
      for (const theme of themeKinds) {
        await page.evaluate((kind) => window.applyTheme(kind), theme);
        await page.evaluate(() => document.querySelectorAll('details').forEach((part) => (part.open = true)));
        await page.waitForTimeout(100);
        // What does not depend on colors is the same in every theme.
        const rules = theme === 'vscode-dark' ? null : ['color-contrast', 'link-in-text-block'];
        const found = await page.evaluate(
          async (runOnly) => (await window.axe.run(runOnly === null ? {} : { runOnly })).violations,
          rules,
        );
        for (const { id, nodes } of found) {
          faults.push(`${theme}, ${width} px: ${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' | ')}`);
        }
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        if (overflow > 0) faults.push(`${theme}, ${width} px: scrolls sideways by ${overflow} px`);
      }
    }
    expect(faults).toEqual([]);
  });

  it.each(pages)('%s, %s: German fits into a side bar', async (name, scenario) => {
    const { page } = await open(name, { scenario, width: 320, language: 'de' });
    await page.evaluate(() => document.querySelectorAll('details').forEach((part) => (part.open = true)));
    await page.waitForTimeout(100);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)).toBeLessThanOrEqual(0);
  });

  it('reaches every control of the form by keyboard, and shows where the focus is', async () => {
    const { page } = await open('convert');
    await page.keyboard.press('Tab');
    const focused = () =>
      page.evaluate(() => {
        const host = document.activeElement as HTMLElement | null;
        return host?.dataset['action'] ?? host?.dataset['field'] ?? host?.tagName ?? '';
      });
    const seen = new Set<string>();
    for (let i = 0; i < 60; i++) {
      seen.add(await focused());
      await page.keyboard.press('Tab');
    }
    for (const control of [
      'savePlan',
      'convert',
      '/precisions',
      '/calibration/data',
      '/calibration/algorithm',
      '/gates/minSqnrDb',
      'copyCommand',
    ]) {
      expect(seen).toContain(control);
    }
  });

  it('stands still for those who asked for it', async () => {
    const { page } = await open('convert', { scenario: 'running' });
    const moving = await page.evaluate(() => document.getAnimations().length);
    expect(moving).toBe(0);
  });
});
