/** The HTML report by structure: what a browser would be asked to load, run and show. */
import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Report } from '../../../extension/contract/report';
import { renderHtml } from '../../../extension/report/renderHtml';
import { parsePage, type Page, type PageNode } from './parsePage';
import { onGpu, sampleReport } from './sampleReport';

const parse = (report: Report): Page => parsePage(renderHtml(report));
const all = (root: PageNode, selector: string): PageNode[] => [...root.querySelectorAll(selector)];
const words = (node: PageNode | null | undefined): string => (node?.textContent ?? '').replace(/\s+/g, ' ').trim();
const numbers = (root: PageNode): (number | null)[] =>
  all(root, 'td').map((cell) => {
    const value = cell.querySelector('data')?.getAttribute('value') ?? null;
    return value === null ? null : Number(value);
  });

let report: Report;
let markup: string;
let page: Page;
beforeAll(() => {
  report = sampleReport();
  markup = renderHtml(report);
  page = parsePage(markup);
});

describe('the page is self-contained', () => {
  it('loads nothing: no element or style names an address', () => {
    expect(all(page, 'link, iframe, object, embed, base, form, img, script[src]')).toEqual([]);
    for (const element of all(page, '*')) {
      for (const { name, value } of element.attributes) {
        expect(name, value).not.toMatch(/^on|^(src|srcset|action|poster|background)$/);
        if (name === 'href') expect(value).toMatch(/^#/);
      }
    }
    const styles = page.querySelector('style')?.textContent ?? '';
    expect(styles.length).toBeGreaterThan(1000);
    expect(styles).not.toMatch(/url\(|@import/);
  });

  it('allows exactly its own script and styles, by hash, and no request', () => {
    const policy = page.querySelector('meta[http-equiv="Content-Security-Policy"]')?.getAttribute('content') ?? '';
    const hash = (text: string): string => createHash('sha256').update(text, 'utf8').digest('base64');
    const [script = ''] = /(?<=<script>)[\s\S]*?(?=<\/script>)/.exec(markup) ?? [];
    const [style = ''] = /(?<=<style>)[\s\S]*?(?=<\/style>)/.exec(markup) ?? [];
    expect(policy).toBe(
      `default-src 'none'; script-src 'sha256-${hash(script)}'; style-src 'sha256-${hash(style)}'; base-uri 'none'; form-action 'none'`,
    );
    // A style attribute would be blocked by that policy.
    expect(all(page, '[style]')).toEqual([]);
    // The policy stands before everything it governs.
    expect(markup.indexOf('Content-Security-Policy')).toBeLessThan(markup.indexOf('<style>'));
  });

  it('brings its charts along', () => {
    const script = words(all(page, 'script').at(-1));
    expect(script.length).toBeGreaterThan(50_000);
    expect(script).not.toMatch(/fetch\(|XMLHttpRequest|WebSocket|import\(/);
  });
});

describe('no text becomes markup', () => {
  it('has two scripts and no element that a name asked for', () => {
    expect(all(page, 'script')).toHaveLength(2);
    expect(all(page, 'b, img')).toEqual([]);
    expect(markup.match(/<\/script>/g)).toHaveLength(2);
  });

  it('still shows the hostile texts as they are', () => {
    expect(words(page.querySelector('#command'))).toBe(report.command);
    expect(words(page.querySelector('.failure'))).toContain('<img src=x onerror=alert(2)>');
    expect(words(page.body)).toContain('<script>alert(1)</script>.jpg');
    expect(words(page.body)).toContain('/features/norm/Div <b>not bold</b>');
  });

  it('keeps the data block whole for any parser', () => {
    const hostile = { ...report, variants: report.variants.map((each) => ({ ...each, name: '</script><!--\u2028&' })) };
    const text = renderHtml(hostile);
    const block = /<script type="application\/json" id="chart-data">([\s\S]*?)<\/script>/.exec(text)?.[1] ?? '';
    expect(block).not.toMatch(/[<>&\u2028]/);
    const data = JSON.parse(block) as { name: string }[];
    expect(data[0]?.name).toBe('</script><!--\u2028&');
  });
});

describe('the page says what the report says', () => {
  it('shows every number of the comparison, exactly and rounded alike', () => {
    const rows = all(page, '#comparison tbody tr');
    expect(rows).toHaveLength(report.variants.length);
    report.variants.forEach(({ accuracy, artifacts, latency }, i) => {
      const row = rows[i] as PageNode;
      const onnx = artifacts.find(({ kind }) => kind === 'onnx');
      const engine = artifacts.find(({ kind }) => kind === 'engine');
      expect(numbers(row)).toEqual([
        null, // status
        accuracy?.task?.top1 ?? null,
        accuracy?.task?.agreement ?? null,
        accuracy?.outputs[0]?.sqnrDb ?? null,
        latency?.medianMs ?? null,
        latency?.p99Ms ?? null,
        onnx?.bytes ?? null,
        engine?.bytes ?? null,
      ]);
    });
    for (const datum of all(page, 'data')) {
      const shown = Number(/[\d.,]+/.exec(words(datum))?.[0].replaceAll(',', ''));
      const value = Number(datum.getAttribute('value'));
      const text = words(datum);
      const unit = text.endsWith('%') ? 0.01 : text.endsWith('KiB') ? 2 ** 10 : text.endsWith('MiB') ? 2 ** 20 : 1;
      expect(Math.abs(shown * unit - Math.abs(value)), text).toBeLessThanOrEqual(
        Math.max(0.006 * Math.abs(value), 0.005),
      );
    }
  });

  it('shows what was not measured as such, never as zero', () => {
    const cells = all(page, '#comparison tbody tr:nth-child(5) td').map(words);
    expect(cells).toEqual(['failed', ...Array<string>(5).fill('not measured'), '18.5 MiB', 'none']);
    expect(words(page.querySelector('#comparison tbody tr:nth-child(1) td:nth-child(5)'))).toBe('identical');
  });

  it('puts the verdict first, with all reasons and warnings', () => {
    const sections = all(page, 'main > section');
    expect(words(sections[0]?.querySelector('h2'))).toBe('Use FP16');
    const main = words(page.querySelector('main'));
    for (const sentence of [...report.verdict.reasons, ...report.verdict.warnings]) expect(main).toContain(sentence);
  });

  it('lists every file with its hash, the plan in full and the command', () => {
    const text = words(page.querySelector('main'));
    for (const { artifacts } of report.variants) for (const { sha256 } of artifacts) expect(text).toContain(sha256);
    expect(text).toContain(report.model.sha256);
    expect(JSON.parse(page.querySelector('.plan')?.textContent ?? '')).toEqual(report.plan);
  });

  it('labels CPU latency and shows no speed-up made of it', () => {
    expect(all(page, '#comparison thead th').map(words)).toContain('CPU latency, median');
    expect(words(page.querySelector('#comparison'))).not.toContain('Speed-up');
    expect(words(page.querySelector('.verdict'))).toContain('speed-up on the GPU not measured');
  });

  it('shows the GPU and its speed-up when timed there', () => {
    const gpu = parse(onGpu(report));
    expect(all(gpu, '#comparison thead th').map(words)).toEqual(
      expect.arrayContaining(['NVIDIA L4 latency, median', 'Speed-up']),
    );
    expect(all(gpu, 'canvas').map((canvas) => canvas.getAttribute('data-chart'))).toEqual([
      'latency',
      'accuracyLatency',
    ]);
  });

  it('says loudly that data is not representative', () => {
    const random = parse({ ...report, data: { ...report.data, representative: false } });
    expect(words(random.querySelector('.banner'))).toContain('not representative');
    expect(page.querySelector('.banner')).toBeNull();
  });

  it('survives a report that measured nothing', () => {
    const bare = report.variants.map((each) => ({
      ...each,
      accuracy: null,
      latency: null,
      artifacts: [],
      build: null,
    }));
    const empty = parse({
      ...report,
      variants: bare,
      data: { ...report.data, calibration: null, evaluation: null },
      verdict: { recommended: null, reasons: [], warnings: [] },
    });
    expect(words(empty.querySelector('#verdict-title'))).toBe('No recommendation');
    expect(all(empty, 'canvas')).toEqual([]);
    expect(words(empty.body)).toContain('Latency was not measured.');
  });
});

describe('the page is read without a picture', () => {
  it('gives every chart a spoken summary and a table twin with its numbers', () => {
    const figures = all(page, 'figure');
    expect(figures).toHaveLength(3);
    for (const figure of figures) {
      expect(figure.querySelector('canvas')?.getAttribute('role')).toBe('img');
      expect(figure.querySelector('canvas')?.getAttribute('aria-label')).toMatch(/fp16/);
      expect(figure.querySelector('details table caption')).not.toBeNull();
    }
    const medians = all(figures[0] as PageNode, 'tbody tr').map((row) => numbers(row)[0]);
    expect(medians).toEqual(report.variants.flatMap(({ latency }) => (latency === null ? [] : [latency.medianMs])));
  });

  it('has one h1, a language, a title, labelled sections and headed tables', () => {
    expect(page.documentElement.getAttribute('lang')).toBe('en');
    expect(all(page, 'h1')).toHaveLength(1);
    expect(words(page.querySelector('title'))).toContain('efficientnet-lite0.onnx');
    for (const section of all(page, 'section')) {
      const label = section.getAttribute('aria-labelledby') ?? '';
      expect(page.getElementById(label), label).not.toBeNull();
    }
    for (const table of all(page, 'table')) {
      expect(all(table, 'caption')).toHaveLength(1);
      expect(all(table, 'thead th[scope="col"]').length).toBeGreaterThan(1);
      for (const row of all(table, 'tbody tr')) expect(all(row, 'th[scope="row"]')).toHaveLength(1);
    }
    expect(page.querySelector('a.skip')?.getAttribute('href')).toBe('#verdict-title');
  });
});
