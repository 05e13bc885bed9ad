import { setTimeout as delay } from 'node:timers/promises';
import { writeFileSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import { completePlan } from '../../../../extension/contract/checkSchema';
import { CodedError, type ErrorCode } from '../../../../extension/contract/errors';
import { problemsOf } from '../../../../extension/ui/convert/planChecks';
import { ModelInspector } from '../../../../extension/ui/plan/modelInspector';
import { temporaryFolder, writeFile } from '../../model/buildModel';

const late = 400;

/** A worker that takes its time over models, and may fail. */
function setUp(milliseconds: number, failure: ErrorCode | null = null) {
  const baseDir = temporaryFolder();
  const model = writeFile(baseDir, 'm.onnx', '');
  const asked = vi.fn();
  const request = async () => {
    asked();
    await delay(milliseconds);
    if (failure !== null) throw new CodedError({ code: failure, reason: 'No.', fix: 'Try.' });
    const nodes = [
      { node: 'n', opType: 'MyOp', precision: 'fp32', reason: 'MyOp is not a standard ONNX operator', variant: 'fp16' },
    ];
    return { card: {}, operators: {}, nodes, warnings: [] };
  };
  const models = new ModelInspector({ request: request as never });
  const onMore = vi.fn();
  const plan = completePlan({ model: 'm.onnx', precisions: ['fp32'], evaluation: { data: '.' } });
  const check = async () => (await problemsOf(plan, baseDir, null, models, onMore)).map(({ code }) => code);
  return { check, onMore, asked, model };
}

it('waits a moment for what is found in a model', async () => {
  const { check, onMore } = setUp(1);
  expect(await check()).toEqual(['customOperator']);
  expect(onMore).not.toHaveBeenCalled();
});

it('answers without it, and says once when it is there', async () => {
  const { check, onMore, asked } = setUp(late);
  expect(await check()).toEqual([]);
  await vi.waitFor(() => expect(onMore).toHaveBeenCalledTimes(1), 3000);
  expect(await check()).toEqual(['customOperator']);
  expect(onMore).toHaveBeenCalledTimes(1);
  // Once for the card, once for the nodes.
  expect(asked).toHaveBeenCalledTimes(2);
});

it('keeps what a file is at fault for, until the file changes', async () => {
  const { check, onMore, asked, model } = setUp(late, 'MODEL_TRUNCATED');
  expect(await check()).toEqual([]);
  await vi.waitFor(() => expect(onMore).toHaveBeenCalledTimes(1), 3000);
  expect(await check()).toEqual(['MODEL_TRUNCATED']);
  expect(asked).toHaveBeenCalledTimes(1);
  writeFileSync(model, 'other');
  await check();
  expect(asked).toHaveBeenCalledTimes(2);
});

it('does not ask again for ever what kills the worker', async () => {
  const { check, onMore } = setUp(late, 'WORKER_CRASHED');
  expect(await check()).toEqual([]);
  await delay(2 * late);
  expect(onMore).not.toHaveBeenCalled();
});
