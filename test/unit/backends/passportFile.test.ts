import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Value } from '@sinclair/typebox/value';
import type { BuildRequest } from '../../../extension/backends/backend';
import { readPassport, writePassport } from '../../../extension/backends/passportFile';
import { enginePassportSchema, passportPath } from '../../../extension/contract/enginePassport';
import { planSchema, type Plan } from '../../../extension/contract/plan';
import { schemaFault } from '../../../extension/contract/schemaFault';

const { builder } = Value.Default(planSchema, { schemaVersion: 1, model: 'm.onnx' }) as Plan;

let folder = '';
let engine = '';
let request: BuildRequest;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'passport-'));
  engine = join(folder, 'net.engine');
  writeFileSync(engine, 'an engine');
  writeFileSync(join(folder, 'net.onnx'), 'a model');
  request = {
    onnx: join(folder, 'net.onnx'),
    engine,
    precision: 'int8',
    target: 'sm_89',
    builder: { ...builder, timingCache: '/tmp/x' },
    shapes: { x: { min: [1], opt: [2], max: [4] } },
    moreProfiles: [{ x: { min: [8], opt: [8], max: [8] } }],
    shapeValues: { size: { min: [1], opt: [7], max: [9] } },
    io: { x: { formats: ['chw4'] } },
  };
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const outcome = {
  bindings: [
    { name: 'x', dtype: 'int8', isInput: true, holdsShape: false, formats: [], dims: [-1] },
    { name: 'size', dtype: 'int64', isInput: true, holdsShape: true, formats: [], dims: [1] },
    { name: 'y', dtype: 'fp32', isInput: false, holdsShape: false, formats: [], dims: [-1, 10] },
  ],
} as const;
const facts = (change: Partial<BuildRequest> = {}) => ({
  request: { ...request, ...change },
  outcome,
  backend: 'tensorrt-rtx' as const,
  flavour: 'rtx',
  version: '1.7.1',
  gpu: { name: 'RTX 4090', computeCapability: 'sm_89', driver: 'CUDA 13.0', memoryBytes: 1 },
  layers: null,
});

describe('the passport of an engine', () => {
  test('tells what was built, follows its schema and is read again', async () => {
    const passport = await writePassport(facts());
    expect(schemaFault(enginePassportSchema, passport)).toBeNull();
    expect(passport.gpu).toBeNull();
    expect(passport.targets).toEqual(['sm_89']);
    expect(passport.model.file).toBe('net.onnx');
    expect(passport.bindings.map(({ direction, kind, formats, shape }) => [direction, kind, formats, shape])).toEqual([
      ['input', 'data', ['chw4'], [null]],
      ['input', 'shape', [], [1]],
      ['output', 'data', [], [null, 10]],
    ]);
    expect(passport.profiles).toHaveLength(2);
    expect(passport.profiles[1]).toEqual([
      { input: 'x', holds: 'sizes', min: [8], opt: [8], max: [8] },
      { input: 'size', holds: 'values', min: [1], opt: [7], max: [9] },
    ]);
    expect(await readPassport(engine)).toEqual(passport);
    expect(readdirSync(folder).sort()).toEqual(['net.engine', 'net.engine.passport.json', 'net.onnx']);
  });

  test('its plan hash is that of what decides the engine, not of where files lie', async () => {
    const first = await writePassport(facts());
    const elsewhere = await writePassport(facts({ builder: { ...builder, timingCache: null } }));
    const other = await writePassport(facts({ builder: { ...builder, tf32: true } }));
    expect(elsewhere.plan).toEqual(first.plan);
    expect(other.plan).not.toEqual(first.plan);
  });

  test('one that is damaged, of another engine or not there counts as none', async () => {
    await writePassport(facts());
    writeFileSync(engine, 'another engine');
    expect(await readPassport(engine)).toBeNull();
    writeFileSync(passportPath(engine), '{"schemaVersion": 1}');
    expect(await readPassport(engine)).toBeNull();
    writeFileSync(passportPath(engine), '{');
    expect(await readPassport(engine)).toBeNull();
    expect(await readPassport(join(folder, 'none.engine'))).toBeNull();
  });
});
