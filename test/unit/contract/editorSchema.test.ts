import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { editorSchemas } from '../../../extension/contract/editorSchema';

describe('schemas/', () => {
  test('is up to date (npm run schemas)', () => {
    expect(execFileSync(process.execPath, ['scripts/schemas.mjs', '--check'], { encoding: 'utf8' })).toBe('');
  });

  test('asks an editor only for what has no default', () => {
    const validate = new Ajv({ strict: false }).compile(editorSchemas()['trtplan.schema.json'] as object);
    expect(validate({ schemaVersion: 1, model: 'm.onnx', calibration: { samples: 3 } })).toBe(true);
    expect(validate({ schemaVersion: 1 })).toBe(false);
    expect(validate({ schemaVersion: 1, model: 'm.onnx', keep: [{ match: 'a' }] })).toBe(false);
  });

  test('carries descriptions for completion', () => {
    expect(readFileSync('schemas/trtplan.schema.json', 'utf8')).toContain('"description": "The ONNX file, relative');
  });
});
