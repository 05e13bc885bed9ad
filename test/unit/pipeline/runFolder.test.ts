import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CodedError } from '../../../extension/contract/errors';
import { RunFolder } from '../../../extension/pipeline/runFolder';

let root = '';
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'pb-run-'));
});
afterEach(() => rmSync(root, { recursive: true }));

describe('RunFolder', () => {
  it('publishes what is named, and leaves nothing else', async () => {
    const folder = new RunFolder(path.join(root, 'out'));
    await folder.create();
    writeFileSync(folder.file('a.onnx'), 'model');
    writeFileSync(folder.file('b.onnx'), 'unwanted');
    await folder.publish([await folder.describe('a.onnx', 'onnx')]);
    await folder.cleanUp();
    expect(readdirSync(folder.out)).toEqual(['a.onnx']);
  });

  it('removes the folders it made when they stay empty, and no other', async () => {
    const folder = new RunFolder(path.join(root, 'deep', 'er', 'out'));
    await folder.create();
    await folder.cleanUp();
    expect(readdirSync(root)).toEqual([]);
  });

  /** A scratch folder as a run leaves it that was killed. */
  function abandoned(name: string, owner: object | null): string {
    const scratch = path.join(root, name);
    mkdirSync(scratch);
    writeFileSync(path.join(scratch, 'half.onnx'), '');
    if (owner !== null) writeFileSync(path.join(scratch, 'owner.json'), JSON.stringify(owner));
    return scratch;
  }

  it('sweeps what killed runs left, and leaves live ones alone', async () => {
    const dead = abandoned('.run-dead', { host: hostname(), pid: 2 ** 22 + 1 });
    const alive = abandoned('.run-alive', { host: hostname(), pid: process.pid });
    const elsewhere = abandoned('.run-elsewhere', { host: 'another host', pid: 1 });
    const unknown = abandoned('.run-unknown', null);
    const old = abandoned('.run-old', null);
    const twoDaysAgo = Date.now() / 1000 - 2 * 24 * 3600;
    utimesSync(old, twoDaysAgo, twoDaysAgo);
    const folder = new RunFolder(root);
    await folder.create();
    expect([dead, old].some((name) => existsSync(name))).toBe(false);
    expect([alive, elsewhere, unknown].every((name) => existsSync(name))).toBe(true);
    await folder.cleanUp();
  });

  it('an error about a file of the scratch folder names one that lasts', () => {
    const folder = new RunFolder(root);
    const file = folder.file('m.fp16.onnx');
    const error = new CodedError({
      code: 'ENGINE_PARSE',
      reason: `The parser refused ${file}: node a; see ${file}.`,
      fix: 'Mend it.',
      place: { file, node: 'a' },
    });
    const lasting = folder.lasting(error, (name) => path.join(root, name));
    expect(lasting.place).toEqual({ file: path.join(root, 'm.fp16.onnx'), node: 'a' });
    expect(lasting.reason).not.toContain('.run-');
    expect(lasting.reason).toContain(path.join(root, 'm.fp16.onnx'));
    const other = new CodedError({ code: 'DATA_EMPTY', reason: 'None.', fix: 'Give some.', place: { file: '/data' } });
    expect(folder.lasting(other, () => 'x').toJSON()).toEqual(other.toJSON());
  });

  it('an output folder that cannot be made is named', async () => {
    writeFileSync(path.join(root, 'file'), '');
    const out = path.join(root, 'file', 'out');
    await expect(new RunFolder(out).create()).rejects.toMatchObject({
      code: 'OUTPUT_UNWRITABLE',
      place: { file: out },
    });
  });
});
