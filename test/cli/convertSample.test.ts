/** The main job on the bundled sample, as `npm start` runs it: every variant, engine and figure of the report is looked at. */
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkReport } from '../../extension/contract/checkSchema';
import type { Report } from '../../extension/contract/report';
import { runCli, sample, type CliResult } from './runCli';

let folder = '';
let out = '';
let result: CliResult;
let report: Report;
/** Engines need the TensorRT-RTX package and the native module; in CI both must be there. */
let engines = false;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'pb-convert-'));
  out = path.join(folder, 'out');
  const probe = JSON.parse((await runCli(['probe', '--json'])).stdout) as {
    backends: { name: string; builds: boolean }[];
  };
  engines = probe.backends.some(({ name, builds }) => name === 'tensorrt-rtx' && builds);
  if (process.env['CI'] === 'true') expect(engines, 'TensorRT-RTX builds engines').toBe(true);
  const plan = path.join(sample, 'digits.trtplan.json');
  result = await runCli(['convert', '--plan', plan, '--out', out, ...(engines ? [] : ['--backend', 'onnxruntime'])]);
  expect(result.code, result.stderr).toBe(0);
  const file = path.join(out, 'report.json');
  report = checkReport(JSON.parse(readFileSync(file, 'utf8')), file);
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('convert, on the digits sample', () => {
  it('makes every variant', () => {
    expect(report.variants.map(({ name, status, error }) => [name, status, error])).toEqual(
      ['fp32', 'fp16', 'bf16', 'int8'].map((name) => [name, 'ok', null]),
    );
  });

  it('leaves artifacts that are what the report says', () => {
    for (const variant of report.variants) {
      const kinds = variant.artifacts.map(({ kind, backend }) => `${kind} ${backend ?? ''}`.trim());
      expect(kinds).toContain('onnx');
      if (engines) expect(kinds).toContain('engine tensorrt-rtx');
      for (const artifact of variant.artifacts) {
        const bytes = readFileSync(path.join(out, artifact.path));
        expect(createHash('sha256').update(bytes).digest('hex'), artifact.path).toBe(artifact.sha256);
        expect(bytes.length).toBe(artifact.bytes);
      }
    }
  });

  it('measures accuracy on labelled samples that did not calibrate', () => {
    expect(report.data).toMatchObject({ representative: true, evaluation: { labelled: true } });
    for (const { name, accuracy } of report.variants) {
      const task = accuracy?.task;
      expect(task?.top1, name).toBeGreaterThan(0.97);
      expect(task?.top1Low).toBeLessThan(task?.top1 ?? 0);
      expect(task?.top1High).toBeGreaterThan(task?.top1 ?? 1);
      // The CPU rounds to neither half type between nodes; INT8 leaves the rest in FP16.
      expect(accuracy?.simulated, name).toBe(name !== 'fp32');
    }
    const top1 = Object.fromEntries(report.variants.map(({ name, accuracy }) => [name, accuracy?.task?.top1 ?? 0]));
    expect(Math.abs((top1['fp16'] ?? 0) - (top1['fp32'] ?? 1))).toBeLessThanOrEqual(0.001);
    expect((top1['fp32'] ?? 1) - (top1['int8'] ?? 0)).toBeLessThanOrEqual(0.01);
  });

  it('measures latency, labelled as that of the CPU', () => {
    for (const { name, latency } of report.variants) {
      expect(latency?.device, name).toBe('cpu');
      expect(latency?.p99Ms).toBeGreaterThanOrEqual(latency?.medianMs ?? Infinity);
      expect(latency?.iterations).toBeGreaterThanOrEqual(30);
    }
  });

  it('writes the report in four forms and nothing half-made', () => {
    const files = readdirSync(out);
    expect(files).toEqual(expect.arrayContaining(['report.json', 'report.html', 'report.md', 'report.csv']));
    expect(files.filter((name) => name.startsWith('.') || name.endsWith('.tmp'))).toEqual([]);
    expect(readFileSync(path.join(out, 'report.html'), 'utf8')).not.toMatch(/(src|href)="https?:/);
  });

  it('prints the comparison and the line that reproduces it', () => {
    expect(result.stdout).toMatch(/fp16/);
    expect(result.stdout).toMatch(/Reproduce: precision-bench convert --plan/);
  });

  it('renders the saved report again', async () => {
    const html = path.join(folder, 'again.html');
    const again = await runCli(['report', path.join(out, 'report.json'), '--html', html]);
    expect(again.code, again.stderr).toBe(0);
    expect(readFileSync(html, 'utf8')).toBe(readFileSync(path.join(out, 'report.html'), 'utf8'));
  });
});

describe('gates and JSON', () => {
  const digits = path.join(sample, 'digits_resnet_tiny.onnx');
  const quick = ['--precisions', 'int8', '--duration-ms', '1', '--warmup-ms', '0'];

  it('exits with 3 when a gate fails, and still writes the report', async () => {
    const gated = path.join(folder, 'gated');
    const run = await runCli(['convert', digits, ...quick, '--out', gated, '--min-sqnr', '150']);
    expect(run.code, run.stderr).toBe(3);
    expect(run.stderr).toMatch(/gate failed.*150/s);
    expect(existsSync(path.join(gated, 'report.json'))).toBe(true);
  });

  it('prints one JSON document, and says that random data represents nothing', async () => {
    const run = await runCli(['convert', digits, ...quick, '--json', '--quiet', '--out', path.join(folder, 'json')]);
    expect(run.code, run.stderr).toBe(0);
    const printed = checkReport(JSON.parse(run.stdout), 'stdout');
    expect(printed.data).toMatchObject({ representative: false, calibration: { kind: 'random' } });
    expect(run.stderr).toBe('');
  });
});

describe('Ctrl-C', () => {
  it('ends the run within two seconds, with exit code 130 and no files', async () => {
    const cancelled = path.join(folder, 'cancelled');
    let interruptedAt = 0;
    const run = await runCli(
      ['convert', path.join(sample, 'digits_resnet_tiny.onnx'), '--duration-ms', '60000', '--out', cancelled],
      {
        onSpawn: (child) => {
          let seen = '';
          child.stderr?.on('data', (chunk: Buffer) => {
            seen += chunk.toString();
            if (interruptedAt > 0 || !/^measure/m.test(seen)) return;
            interruptedAt = Date.now();
            child.kill('SIGINT');
          });
        },
      },
    );
    const seconds = (Date.now() - interruptedAt) / 1000;
    expect(interruptedAt).toBeGreaterThan(0);
    expect(run.code, run.stderr).toBe(130);
    expect(seconds).toBeLessThan(2.5);
    expect(existsSync(cancelled)).toBe(false);
  });
});

describe('a reader that leaves', () => {
  it('is no failure: `| head` ends without a stack trace', async () => {
    const run = await runCli(['convert', '--help'], { onSpawn: (child) => child.stdout?.destroy() });
    expect(run.stderr).toBe('');
    expect(run.code).toBe(0);
  });
});
