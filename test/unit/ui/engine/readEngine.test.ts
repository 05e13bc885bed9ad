import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { passportPath, type EnginePassport } from '../../../../extension/contract/enginePassport';
import { fitOf, looksLikeText, readEngine } from '../../../../extension/ui/engine/readEngine';
import { temporaryFolder, writeFile } from '../../model/buildModel';
import { sampleReport } from '../../report/sampleReport';
import { backend, machine } from '../machines';

const content = Buffer.from([0x70, 0x74, 0x72, 0x74, 0, 1, 2, 3]);
const sha256 = createHash('sha256').update(content).digest('hex');

function passport(more: Partial<EnginePassport> = {}): EnginePassport {
  return {
    schemaVersion: 1,
    createdAt: '2026-01-01T00:00:00.000Z',
    engine: { file: 'm.engine', bytes: content.length, sha256 },
    tensorrt: { backend: 'tensorrt', flavour: '10', version: '10.6.0' },
    gpu: { name: 'NVIDIA L4', computeCapability: 'sm_89', driver: '560.1', memoryBytes: 24e9 },
    targets: [],
    versionCompatible: false,
    hardwareCompatible: false,
    model: { file: 'm.onnx', sha256: 'a' },
    plan: { sha256: 'b' },
    precision: 'int8',
    typing: 'strong',
    bindings: [],
    profiles: [],
    layers: null,
    ...more,
  };
}

function setUp(beside?: unknown) {
  const folder = temporaryFolder();
  const engine = writeFile(folder, 'm.engine', content);
  if (beside !== undefined)
    writeFile(folder, 'm.engine.passport.json', typeof beside === 'string' ? beside : JSON.stringify(beside));
  return { folder, engine };
}

it('reads the passport beside an engine', async () => {
  const { engine, folder } = setUp(passport());
  expect(passportPath(engine)).toBe(join(folder, 'm.engine.passport.json'));
  const found = await readEngine(engine);
  expect(found).toMatchObject({ bytes: 8, sha256, warning: null, report: null, onnx: null });
  expect(found.passport?.precision).toBe('int8');
});

it('says when it is of another engine, of another version, or no JSON', async () => {
  const other = passport({ engine: { file: 'm.engine', bytes: 8, sha256: 'c'.repeat(64) } });
  expect((await readEngine(setUp(other).engine)).warning).toMatch(/another file/);
  const { typing: _, ...old } = passport();
  expect(await readEngine(setUp(old).engine)).toMatchObject({
    passport: null,
    warning: expect.stringMatching(/typing/) as string,
  });
  expect((await readEngine(setUp('{').engine)).warning).toMatch(/not JSON/);
  expect(await readEngine(setUp().engine)).toMatchObject({ passport: null, warning: null });
});

it('finds the model and the report that it belongs to', async () => {
  const { engine, folder } = setUp(passport());
  const onnx = writeFile(folder, 'm.onnx', '');
  const report = sampleReport();
  const artifact = { kind: 'engine', backend: 'tensorrt', target: null, path: 'm.engine', bytes: 8, sha256 } as const;
  const variants = report.variants.map((variant, index) =>
    index === 0 ? { ...variant, artifacts: [artifact] } : variant,
  );
  const file = writeFile(folder, 'report.json', JSON.stringify({ ...report, variants }));
  expect(await readEngine(engine)).toMatchObject({ onnx, report: file });
  writeFile(folder, 'report.json', JSON.stringify(report));
  expect((await readEngine(engine)).report).toBeNull();
  writeFile(folder, 'report.json', '{"mine": false}');
  expect((await readEngine(engine)).report).toBeNull();
});

const l4 = (version: string) => machine({ gpu: 'NVIDIA L4', backends: [backend('tensorrt', { version, runs: true })] });

it('tells what keeps an engine from running', () => {
  expect(fitOf(passport(), l4('10.6.0')).runsHere).toBe(true);
  const other = fitOf(passport(), l4('10.7.0'));
  expect(other.runsHere).toBe(false);
  expect(other.differences).toContainEqual({
    field: 'TensorRT version',
    engine: '10.6.0',
    here: '10.7.0',
    matters: true,
  });
  expect(other.reason).toMatch(/needs 10\.6\.0, here 10\.7\.0/);
  const nowhere = fitOf(passport(), machine({ backends: [backend('tensorrt', { available: false })] }));
  expect(nowhere.differences.map(({ field, here }) => [field, here])).toEqual([
    ['TensorRT version', 'none'],
    ['GPU', 'none'],
  ]);
  expect(fitOf(null, l4('10.6.0'))).toMatchObject({ runsHere: null, differences: [] });
});

it('knows a text that only has the name of an engine', async () => {
  const folder = temporaryFolder();
  expect(await looksLikeText(writeFile(folder, 'a.plan', 'resource "x" {}\n'))).toBe(true);
  expect(await looksLikeText(writeFile(folder, 'b.plan', content))).toBe(false);
  expect(await looksLikeText(writeFile(folder, 'c.plan', ''))).toBe(false);
});
