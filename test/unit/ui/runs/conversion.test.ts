import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { completePlan } from '../../../../extension/contract/checkSchema';
import { CodedError } from '../../../../extension/contract/errors';
import type { StageRunner } from '../../../../extension/pipeline';
import {
  conversionCommand,
  conversionJob,
  summaryOf,
  type ConversionOrder,
} from '../../../../extension/ui/runs/conversion';
import { temporaryFolder } from '../../model/buildModel';
import { sampleReport } from '../../report/sampleReport';

function order(more: Partial<ConversionOrder> = {}): ConversionOrder {
  const folder = temporaryFolder();
  return {
    plan: completePlan({ model: 'm.onnx' }),
    baseDir: folder,
    planFile: null,
    out: join(folder, 'm-precision'),
    cwd: folder,
    python: null,
    timeBudget: null,
    ...more,
  };
}

it('writes the time budget and the interpreter into the command', () => {
  const { text } = conversionCommand(order({ timeBudget: '10m', python: '/opt/py' }));
  expect(text).toBe('precision-bench convert m.onnx --python /opt/py --out m-precision --time-budget=10m');
});

it('leaves a plan file for a command that flags cannot say, with paths from where it lies', async () => {
  const plan = completePlan({ model: 'm.onnx', calibration: { data: 'cal' }, preprocess: [{ op: 'toTensor' }] });
  const asked = order({ plan });
  const worker: StageRunner = {
    request: () => Promise.reject(new CodedError({ code: 'WORKER_CRASHED', reason: 'dead', fix: 'none' })),
  };
  const job = conversionJob(asked, worker, () => Promise.resolve());
  expect(job.command).toBe('precision-bench convert --plan m-precision/m.trtplan.json --out m-precision');
  expect(existsSync(asked.out)).toBe(false);
  const { signal } = new AbortController();
  await expect(job.execute({ signal, onProgress: () => undefined })).rejects.toMatchObject({ code: 'WORKER_CRASHED' });
  const written = JSON.parse(readFileSync(join(asked.out, 'm.trtplan.json'), 'utf8')) as unknown;
  expect(written).toMatchObject({
    model: '../m.onnx',
    calibration: { data: '../cal' },
    preprocess: [{ op: 'toTensor' }],
  });
});

it('says the verdict in a line', () => {
  const report = sampleReport();
  const verdict = { ...report.verdict, recommended: 'int8', reasons: ['It is fast.', 'And small.'] };
  expect(summaryOf({ ...report, verdict })).toBe('It is fast.');
  expect(summaryOf({ ...report, verdict: { ...verdict, reasons: [] } })).toBe('Recommended: INT8.');
  expect(summaryOf({ ...report, verdict: { ...verdict, recommended: null } })).toBe('It is fast.');
});
