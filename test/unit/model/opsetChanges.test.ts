import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { opsetChanges } from '../../../extension/model/opsetChanges';
import { opsetRules } from '../../../extension/model/opsetRules';
import { supportedOpsets } from '../../../extension/model/validateModel';

/** Versions of every operator of the default domain, as the onnx Python package knows them; null where it is absent. */
function schemaVersions(): Record<string, number[]> | null {
  const program = `
import json, onnx.defs
found = {}
for schema in onnx.defs.get_all_schemas_with_history():
    if schema.domain == "": found.setdefault(schema.name, []).append(schema.since_version)
print(json.dumps(found))`;
  try {
    const python = process.env['PRECISION_BENCH_PYTHON'] ?? 'python3';
    const printed = execFileSync(python, ['-c', program], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return JSON.parse(printed) as Record<string, number[]>;
  } catch {
    return null;
  }
}

const versions = schemaVersions();

describe('the table of opset changes', () => {
  it('has one entry per operator and version, in order', () => {
    for (const [op, changes] of opsetChanges) {
      const listed = changes.map((change) => change.version);
      expect(listed, op).toEqual([...new Set(listed)].sort((a, b) => a - b));
    }
  });

  it('has a rule for every rewrite, and no rule that nothing asks for', () => {
    const asked = [...opsetChanges].flatMap(([op, changes]) =>
      changes.filter((change) => change.kind === 'rewrite').map((change) => `${op} ${change.version}`),
    );
    expect(asked.sort()).toEqual(Object.keys(opsetRules).sort());
  });

  it.skipIf(versions === null)('covers every change of schema (needs the onnx Python package)', () => {
    const missing: string[] = [];
    const invented = new Set(
      [...opsetChanges].flatMap(([op, changes]) => changes.map((one) => `${op} ${one.version}`)),
    );
    for (const [op, since] of Object.entries(versions!)) {
      for (const version of since.filter((one) => one > Math.min(...since))) {
        if (version <= supportedOpsets.oldest || version > supportedOpsets.newest) continue;
        if (!invented.delete(`${op} ${version}`)) missing.push(`${op} ${version}`);
      }
    }
    expect(missing).toEqual([]);
    expect([...invented]).toEqual([]);
  });
});
