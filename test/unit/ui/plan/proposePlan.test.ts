import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { completePlan } from '../../../../extension/contract/checkSchema';
import { proposePlan } from '../../../../extension/ui/plan/proposePlan';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pb-propose-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const propose = (lastUsed: unknown = null, precisions: string[] = []) =>
  proposePlan(join(folder, 'net.onnx'), { lastUsed, precisions });
const plan = (name: string, content: object) => writeFileSync(join(folder, name), JSON.stringify(content));

it('takes the plan file with the name of the model before others of the model', async () => {
  plan('a.trtplan.json', { schemaVersion: 1, model: 'net.onnx', precisions: ['fp16'] });
  plan('net.trtplan.json', { schemaVersion: 1, model: 'net.onnx', precisions: ['int8'] });
  expect(await propose()).toMatchObject({ planPath: join(folder, 'net.trtplan.json'), plan: { precisions: ['int8'] } });
});

it('passes over plan files of other models and broken ones', async () => {
  plan('other.trtplan.json', { schemaVersion: 1, model: 'other.onnx' });
  writeFileSync(join(folder, 'net.trtplan.json'), '{');
  plan('z.trtplan.json', { schemaVersion: 1, model: './net.onnx' });
  expect((await propose()).planPath).toBe(join(folder, 'z.trtplan.json'));
});

it('comes back to the form as it was left, unless that is no plan any more', async () => {
  const last = completePlan({ model: 'net.onnx', precisions: ['fp16'] });
  expect(await propose(last)).toEqual({ plan: last, planPath: null });
  expect((await propose({ ...last, precisions: 'fp16' })).plan.precisions).toEqual(['fp32', 'fp16', 'bf16', 'int8']);
});

it('finds data beside the model by the names that people give it', async () => {
  mkdirSync(join(folder, 'Calibration'));
  writeFileSync(join(folder, 'val.npz'), '');
  const { plan: found } = await propose();
  expect([found.calibration.data, found.evaluation.data]).toEqual(['Calibration', 'val.npz']);
});

it('does not take a file without data in it for data', async () => {
  writeFileSync(join(folder, 'calib.py'), '');
  mkdirSync(join(folder, 'data'));
  expect((await propose()).plan.calibration.data).toBeNull();
});

it('begins with the precisions of the setting, and with the usual ones where it names none', async () => {
  expect((await propose(null, ['int8', 'fp32', 'int5'])).plan.precisions).toEqual(['fp32', 'int8']);
  expect((await propose(null, ['nonsense'])).plan.precisions).toEqual(['fp32', 'fp16', 'bf16', 'int8']);
});
