import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { completePlan } from '../../../../extension/contract/checkSchema';
import type { Report } from '../../../../extension/contract/report';
import { resolveReportPlan } from '../../../../extension/ui/convert/resolveReportPlan';
import { temporaryFolder, writeFile } from '../../model/buildModel';
import { sampleReport } from '../../report/sampleReport';

function reportOf(parts: { model: string; data: string | null; source: string | null; modelPath?: string }): Report {
  const report = sampleReport();
  const card = { kind: 'imageFolder', samples: 1, sha256: null };
  return {
    ...report,
    model: { ...report.model, path: parts.modelPath ?? 'm.onnx' },
    plan: completePlan({ model: parts.model, calibration: { data: parts.data } }),
    data: { ...report.data, calibration: parts.source === null ? null : { ...card, source: parts.source } },
  };
}

it('finds the folder of the plan by the data, which the report names in full', async () => {
  const root = temporaryFolder();
  mkdirSync(join(root, 'models'));
  const modelPath = writeFile(join(root, 'models'), 'm.onnx', '');
  const report = reportOf({ model: 'models/m.onnx', data: 'data/cal', source: join(root, 'data/cal') });
  const found = await resolveReportPlan(report, '/elsewhere/out/report.json');
  expect(found.modelPath).toBe(modelPath);
  expect(found.plan).toMatchObject({ model: 'm.onnx', calibration: { data: '../data/cal' } });
});

it('looks beside the results, where there was no data', async () => {
  const root = temporaryFolder();
  const modelPath = writeFile(root, 'm.onnx', '');
  const report = reportOf({ model: 'm.onnx', data: null, source: null });
  const found = await resolveReportPlan(report, join(dirname(modelPath), 'm-precision', 'report.json'));
  expect(found).toEqual({ modelPath, plan: completePlan({ model: 'm.onnx' }) });
});

it('says which model is gone', async () => {
  const report = reportOf({ model: 'gone.onnx', data: null, source: null, modelPath: '/was/here/gone.onnx' });
  await expect(resolveReportPlan(report, '/nowhere/out/report.json')).rejects.toMatchObject({
    code: 'MODEL_NOT_FOUND',
    place: { file: '/was/here/gone.onnx' },
  });
});
