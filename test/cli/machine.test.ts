/** What the command line says of machines: this one, others, and what can be installed. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorCodeOf, runCli, sample } from './runCli';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'cli-machine-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('probe', () => {
  it('answers what another GPU can do, for people and as JSON', async () => {
    const text = await runCli(['probe', '--platform', 'jetson tx2']);
    expect(text.stdout).toMatch(/Jetson TX2: sm_62.*precisions +fp32, fp16\n.*lacks +bf16, int8.*torch2trt's page/s);
    const json = await runCli(['probe', '--platform', 'RTX 4090', '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ target: 'sm_89', rtx: true, dla: false });
  });

  it('suggests a name', async () => {
    const result = await runCli(['probe', '--platform', 'Jetson Nanno']);
    expect([result.code, errorCodeOf(result)]).toEqual([1, 'TARGET_UNSUPPORTED']);
    expect(result.stderr).toContain('Did you mean Jetson Nano?');
  });

  it('shows every step of the search, in order', async () => {
    const { stdout } = await runCli(['probe', '--tensorrt-library', folder]);
    const steps = [...stdout.matchAll(/^ {2}\d\. (.{20}) (.*)$/gm)].map((match) => [match[1]?.trim(), match[2]]);
    expect(steps.map(([step]) => step)).toEqual([
      'setting',
      'environment',
      'loader path',
      'ldconfig',
      'SDK folders',
      'Python environments',
      'install',
    ]);
    expect(steps[0]?.[1]).toMatch(/nothing in \d folders/);
  });
});

describe('install', () => {
  it('lists what there is, and removes nothing that is not there', async () => {
    const env = { PRECISION_BENCH_HOME: path.join(folder, 'home') };
    const list = JSON.parse((await runCli(['install', '--list', '--json'], { env })).stdout) as { folder: unknown }[];
    expect(list.every(({ folder: where }) => where === null)).toBe(true);
    if (list.length === 0) return;
    const { code, stdout } = await runCli(['install', '--remove', 'tensorrt-rtx'], { env });
    expect([code, stdout]).toEqual([0, 'tensorrt-rtx is not installed.\n']);
  });

  it('names what is known for a name that is not', async () => {
    const result = await runCli(['install', 'tensorrt-10.7']);
    expect([result.code, errorCodeOf(result)]).toEqual([2, 'USAGE']);
    expect(result.stderr).toContain('tensorrt-10.6');
  });
});

describe('bench', () => {
  it('measures a sweep and writes what it printed', async () => {
    const model = path.join(sample, 'digits_resnet_tiny.onnx');
    const out = path.join(folder, 'bench.json');
    const words = ['bench', model, '--batch-sweep', '1,3', '--duration-ms', '20', '--warmup-ms', '1', '--out', out];
    const { code, stdout } = await runCli([...words, '--json']);
    expect(code).toBe(0);
    const document = JSON.parse(stdout) as { results: { batch: number; latency: { batch: number } }[] };
    expect(document.results.map(({ batch, latency }) => [batch, latency.batch])).toEqual([
      [1, 1],
      [3, 3],
    ]);
    expect(JSON.parse(readFileSync(out, 'utf8'))).toEqual(document);
  });

  it('refuses a sweep that is none', async () => {
    const result = await runCli(['bench', 'a.onnx', '--batch-sweep', '1,x']);
    expect([result.code, errorCodeOf(result)]).toEqual([2, 'USAGE']);
  });
});
