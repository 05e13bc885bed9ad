import { describe, expect, it } from 'vitest';
import { accuracyScale, latencyDevices, lowestSqnr, lowestSqnrText } from '../../../extension/contract/reportQueries';
import {
  accuracy,
  baseline,
  identicalOutput,
  labelledTask,
  latency,
  output,
  unlabelledTask,
  variant,
} from '../compare/variants';

describe('lowestSqnr', () => {
  it('is that of the worst output', () => {
    const outputs = [output({ name: 'a', sqnrDb: 50 }), output({ name: 'b', sqnrDb: 12 }), identicalOutput];
    expect(lowestSqnr(accuracy({ outputs }))).toEqual({ output: 'b', sqnrDb: 12, identical: false, blind: null });
  });

  it('tells identical from not measured', () => {
    expect(lowestSqnrText(accuracy({ outputs: [identicalOutput] }))).toBe('identical');
    expect(lowestSqnrText(accuracy({ outputs: [] }))).toBe('not measured');
    expect(lowestSqnrText(null)).toBe('not measured');
  });

  it('names the output that could not be compared', () => {
    const outputs = [identicalOutput, output({ name: 'boxes', sqnrDb: null, maxAbs: null })];
    expect(lowestSqnr(accuracy({ outputs }))).toMatchObject({ identical: false, blind: 'boxes' });
  });
});

describe('accuracyScale', () => {
  it('takes the best evidence there is: labels, then agreement, then SQNR', () => {
    const labelled = baseline(labelledTask(10, 9, 0, 0));
    const plain = variant('int8', { accuracy: accuracy({ task: unlabelledTask(10, 9) }) });
    const bare = variant('int8', { accuracy: accuracy() });
    expect(accuracyScale([labelled, bare])?.title).toBe('Top-1 accuracy');
    expect(accuracyScale([plain, bare])?.title).toBe('Agreement with FP32');
    expect(accuracyScale([bare])).toMatchObject({ title: 'Lowest SQNR', isShare: false });
    expect(accuracyScale([variant('int8')])).toBeNull();
  });
});

it('latencyDevices lists each device once', () => {
  const on = (device: string) => variant('fp16', { latency: latency(device, 1) });
  expect(latencyDevices([on('cpu'), on('NVIDIA L4'), on('cpu'), variant('int8')])).toEqual(['cpu', 'NVIDIA L4']);
});
