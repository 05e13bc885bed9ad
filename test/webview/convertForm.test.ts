import { describe, expect, it } from 'vitest';
import type { Locator, Page } from 'playwright-core';
import type { Plan } from '../../extension/contract/plan';
import { fieldSpec, planFields, pointerKeys } from '../../webview/convert/fieldSpec';
import { valueAt } from '../../webview/convert/planForm';
import { chromiumPath, isDisabled, usePlayground, type OpenPage } from './support/usePlayground';

async function openSections(page: Page): Promise<void> {
  await page.evaluate(() =>
    document.querySelectorAll<HTMLDetailsElement>('details').forEach((part) => (part.open = true)),
  );
  await page.waitForSelector('[data-field="/benchmark/spin"]');
  await page.waitForSelector('.windowed tbody tr');
}

/** The plan that the page told its host last. */
async function edited({ calls }: OpenPage): Promise<Plan> {
  const params = (await calls('edited')).at(-1)?.params as { plan: Plan } | undefined;
  if (params === undefined) throw new Error('The page told of no edit.');
  return params.plan;
}

const fieldOf = (page: Page, pointer: string): Locator => page.locator(`[data-field="${pointer}"]`);

async function type(page: Page, pointer: string, text: string): Promise<void> {
  await fieldOf(page, pointer).locator('input').fill(text);
}

async function choose(page: Page, pointer: string, value: string): Promise<void> {
  const dropdown = fieldOf(page, pointer);
  await dropdown.click();
  await dropdown.locator(`vscode-option[value="${value}"]`).click();
}

/** Fields of the plan that are shown, with the element that edits each. */
async function shownFields(page: Page, element: string): Promise<string[]> {
  const all = page.locator(`${element}[data-field^="/"]`);
  return all.evaluateAll((elements) => elements.map((one) => (one as HTMLElement).dataset['field'] ?? ''));
}

describe.skipIf(chromiumPath === null)('the form of the plan', () => {
  const open = usePlayground();

  it('has a control for everything that a plan can say', async () => {
    const { page } = await open('convert', { scenario: 'everything' });
    await openSections(page);
    const shown = await shownFields(page, '*');
    // The panel belongs to one model.
    const wanted = planFields().filter((field) => field !== '/model');
    const missing = wanted.filter((field) => {
      // A list that is typed as one text, or boxes of one list, bear the name of the list.
      const pattern = new RegExp(`^${field.replace(/(\/\*)+$/, '').replaceAll('*', '[^/]+')}(/[^/]+)?$`);
      return !shown.some((name) => pattern.test(name));
    });
    // A step's kind is chosen when it is added.
    expect(missing.filter((field) => field !== '/preprocess/*/op')).toEqual([]);
    expect(shown).toContain('/preprocess/-');
  });

  it('writes what is typed to its place in the plan', async () => {
    const opened = await open('convert', { scenario: 'everything' });
    const { page } = opened;
    await openSections(page);
    const special = /^\/(preprocess|shapes|profiles|shapeValues|formats|targets)/;
    const fields = (await shownFields(page, 'vscode-text-field')).filter((field) => !special.test(field));
    expect(fields.length).toBeGreaterThan(20);
    for (const field of fields) {
      const { kind, maximum, multipleOf } = fieldSpec(field);
      const number = multipleOf ?? (maximum === 1 ? 0.25 : maximum === 100 ? 99 : 3);
      const value = kind === 'text' ? `chosen ${field}` : number;
      await type(page, field, String(value));
      await expect.poll(async () => valueAt(await edited(opened), field)).toBe(value);
    }
  });

  it('writes choices and flags to their places in the plan', async () => {
    const opened = await open('convert', { scenario: 'everything' });
    const { page } = opened;
    await openSections(page);
    for (const field of [
      '/calibration/algorithm',
      '/calibration/tensorrtCalibrator',
      '/calibration/calibrator',
      '/backend',
      '/builder/constraints',
      '/builder/typing',
    ]) {
      const value = fieldSpec(field).choices.at(1) ?? '';
      await choose(page, field, value);
      await expect.poll(async () => valueAt(await edited(opened), field)).toBe(value);
    }
    const flags = (await shownFields(page, 'vscode-checkbox')).filter(
      (field) => pointerKeys(field).length > 1 && !field.startsWith('/preprocess'),
    );
    expect(flags).toContain('/benchmark/cudaGraph');
    for (const field of flags) {
      await fieldOf(page, field).click();
      await expect.poll(async () => valueAt(await edited(opened), field)).toBe(fieldSpec(field).defaultValue !== true);
    }
  });

  it('chooses variants and targets; the baseline stays', async () => {
    const opened = await open('convert');
    const { page } = opened;
    const variant = (name: string): Locator => page.locator(`[data-field="/precisions"][data-value="${name}"]`);
    await variant('fp8').click();
    await variant('bf16').click();
    await expect.poll(async () => (await edited(opened)).precisions).toEqual(['fp32', 'fp16', 'int8', 'fp8']);
    expect(await variant('fp32').getAttribute('aria-disabled')).toBe('true');
    await page.locator('.targets summary').click();
    await page.locator('[data-field="/targets"][data-value="sm_120"]').click();
    await fieldOf(page, '/targets/*').locator('input').fill('RTX 4090');
    await page.keyboard.press('Enter');
    await expect.poll(async () => (await edited(opened)).targets).toEqual(['sm_89', 'sm_120', 'RTX 4090']);
    expect(await fieldOf(page, '/targets/*').locator('input').inputValue()).toBe('');
    // A name that the table does not know has a box of its own, to be taken away again.
    await page.locator('[data-field="/targets"][data-value="RTX 4090"]').click();
    await expect.poll(async () => (await edited(opened)).targets).toEqual(['sm_89', 'sm_120']);
  });

  it('says why a precision cannot be chosen, and lets one go that is chosen', async () => {
    const opened = await open('convert', { scenario: 'problems' });
    const { page } = opened;
    const row = page.locator('[data-precision="bf16"]');
    await row.getByText('sm_75 (T4, GeForce RTX 20) has no BF16 hardware.').waitFor();
    expect(await row.locator('vscode-checkbox').getAttribute('aria-disabled')).toBe('true');
    const chosen = page.locator('[data-precision="fp8"] vscode-checkbox');
    expect(await chosen.getAttribute('aria-disabled')).toBe('false');
    await chosen.click();
    await expect.poll(async () => (await edited(opened)).precisions).not.toContain('fp8');
    await expect.poll(() => chosen.getAttribute('aria-disabled')).toBe('true');
  });

  it('keeps what cannot stand in the plan, marks it, and does not convert', async () => {
    const opened = await open('convert');
    const { page, calls } = opened;
    const field = fieldOf(page, '/calibration/batchSize');
    const convert = page.locator('[data-action="convert"]');
    await type(page, '/calibration/batchSize', '0');
    await page.getByText('At least 1.').first().waitFor();
    expect(await field.locator('input').inputValue()).toBe('0');
    expect(await field.locator('input').getAttribute('aria-invalid')).toBe('true');
    await expect.poll(() => isDisabled(convert)).toBe(true);
    expect(await calls('edited')).toEqual([]);
    await type(page, '/calibration/batchSize', '16');
    await expect.poll(async () => (await edited(opened)).calibration.batchSize).toBe(16);
    await expect.poll(() => isDisabled(convert)).toBe(false);
    await expect.poll(() => page.locator('[data-part="command"]').textContent()).toContain('--calib-batch-size 16');
  });

  it('edits steps from those of the preset', async () => {
    const opened = await open('convert');
    const { page } = opened;
    await page.locator('#section-preprocess > summary').click();
    await page.locator('[data-action="editSteps"]').click();
    await page.locator('[data-step="normalize"]').waitFor();
    await page.locator('[data-step="normalize"] [data-action="stepUp"]').click();
    await choose(page, '/preprocess/-', 'bgr');
    await page.locator('[data-step="centerCrop"] [data-action="removeStep"]').click();
    await type(page, '/preprocess/0/size', '300×200');
    await type(page, '/preprocess/1/mean', 'x');
    await page.locator('.message.error').waitFor();
    const steps = async () => (await edited(opened)).preprocess as { op: string }[];
    await expect
      .poll(async () => (await steps()).map(({ op }) => op))
      .toEqual(['resize', 'normalize', 'toTensor', 'bgr']);
    expect((await steps())[0]).toEqual({ op: 'resize', size: [300, 200] });
  });

  it('fills shapes from the data and refuses profiles out of order', async () => {
    const opened = await open('convert');
    const { page } = opened;
    await page.locator('#section-bindings > summary').click();
    await page.locator('[data-action="fillShapes"]').click();
    const filled = { min: [1, 1, 28, 28], opt: [8, 1, 28, 28], max: [8, 1, 28, 28] };
    await expect.poll(async () => (await edited(opened)).shapes).toEqual({ image: filled });
    await type(page, '/shapes/image/max', '4x1x28x28');
    await page.getByText('Smaller than opt in an axis.').first().waitFor();
    expect((await edited(opened)).shapes).toEqual({ image: filled });
    await choose(page, '/bindings/logits', 'fp16');
    await type(page, '/formats/logits', 'linear, chw4');
    await expect.poll(async () => (await edited(opened)).formats).toEqual({ logits: ['linear', 'chw4'] });
    expect((await edited(opened)).bindings).toEqual({ logits: 'fp16' });
  });

  it('searches five thousand nodes, draws only those in view, and keeps one of them', async () => {
    const opened = await open('convert', { scenario: 'bigModel' });
    const { page } = opened;
    await page.locator('#section-layers > summary').click();
    await page.locator('.windowed tbody tr').first().waitFor();
    await page.getByText('5,000 nodes').last().waitFor();
    expect(await page.locator('.windowed tbody tr').count()).toBeLessThan(60);
    await page.locator('.windowed').evaluate((frame) => (frame.scrollTop = frame.scrollHeight));
    await page.getByText('Gemm_4997', { exact: false }).first().waitFor();
    await type(page, 'layerSearch', 'layer.3/ softmax');
    await page.getByText('7 of 5,000 nodes').waitFor();
    await page.locator('select[data-key="/encoder/layer.3/Softmax_123"]').selectOption('fp32');
    await expect
      .poll(async () => (await edited(opened)).keep)
      .toEqual([{ match: '/encoder/layer.3/Softmax_123', precision: 'fp32' }]);
  });

  it('shows the first of hundreds of inputs, and the rest when asked', async () => {
    const { page } = await open('convert', { scenario: 'bigModel' });
    await page.locator('#section-bindings > summary').click();
    await page.locator('.binding').first().waitFor();
    expect(await page.locator('.binding').count()).toBe(16);
    expect(await page.locator('.shape').count()).toBe(16);
    await page.locator('#section-bindings [data-action="showAll"]').first().click();
    await expect.poll(() => page.locator('.binding').count()).toBe(66);
  });

  it('previews samples raw and preprocessed, and says why it cannot', async () => {
    const { page } = await open('convert');
    await page.locator('[data-action="preview-calibration"]').click();
    await page.getByText('a folder of class folders · 100 samples · 10 classes · labelled').waitFor();
    const first = page.locator('.preview-sample').first();
    expect(await first.locator('img').count()).toBe(2);
    expect(await first.textContent()).toContain('0.131 ± 0.308');
    await type(page, '/calibration/data', 'nowhere');
    await page.locator('[data-action="preview-calibration"]').click();
    await page.getByText('The calibration data nowhere does not exist.').waitFor();
    expect(await page.locator('.preview-sample').count()).toBe(0);
  });

  it('takes paths from the host’s dialogs', async () => {
    const opened = await open('convert');
    await opened.page.locator('[data-action="browse-dataFolder"]').click();
    await expect.poll(async () => (await edited(opened)).calibration.data).toBe('digits/more');
    expect((await opened.calls('browse'))[0]?.params).toEqual({ what: 'dataFolder' });
  });

  it('follows the plan file and keeps folded sections over a reload', async () => {
    const { page } = await open('convert');
    await page.locator('#section-builder > summary').click();
    await page.locator('#section-model > summary').click();
    await page.evaluate(() => {
      const load = window.fakeHost.calls.find(({ method }) => method === 'check')?.params as { plan: Plan };
      const plan: Plan = { ...load.plan, calibration: { ...load.plan.calibration, batchSize: 32 } };
      window.fakeHost.emit('planChanged', {
        plan,
        planPath: '/home/ada/models/digits.trtplan.json',
        baseDir: '/',
        out: '/out',
      });
    });
    await expect.poll(() => fieldOf(page, '/calibration/batchSize').locator('input').inputValue()).toBe('32');
    await page.getByText('/home/ada/models/digits.trtplan.json').waitFor();
    await page.reload();
    await page.waitForSelector('body[data-ready]');
    await fieldOf(page, '/builder/optimizationLevel').waitFor();
    expect(await page.locator('#section-model').getAttribute('open')).toBeNull();
  });
});
