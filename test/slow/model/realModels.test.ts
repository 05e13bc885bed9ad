/** Codec and opset upgrade on whole exported models. Extra: needs the models beside the repository. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { cloneModel } from '../../../extension/model/cloneModel';
import { loadModel, readProto } from '../../../extension/model/loadModel';
import { opsetVersion } from '../../../extension/model/model';
import { graphInputs } from '../../../extension/model/modelCard';
import { modelProtoSchema } from '../../../extension/model/onnx.generated';
import { upgradeOpset } from '../../../extension/model/upgradeOpset';
import { encodeToArray } from '../../../extension/model/wireWriter';
import { sharedModels } from '../../support/sharedModels';
import { encodeModel, numbers, run } from '../../unit/model/buildModel';

describe.skipIf(sharedModels.length === 0)('real models (needs ../shared/models)', () => {
  it.each(sharedModels)('re-encodes byte for byte: %s', (path) => {
    const encoded = encodeToArray(readProto(path), modelProtoSchema);
    expect(Buffer.compare(encoded, readFileSync(path))).toBe(0);
  });

  it.each(sharedModels)('computes the same at newer opsets: %s', async (path) => {
    const original = await loadModel(path);
    const feeds = Object.fromEntries(
      graphInputs(original).map((input) => {
        const dims = (input.shape ?? []).map((size, axis) => (typeof size === 'number' ? size : axis === 0 ? 2 : 48));
        return [input.name, { dims, data: numbers(dims.reduce((product, size) => product * size, 1)) }];
      }),
    );
    const before = await run(path, feeds);
    for (const target of [17, 19, 22].filter((version) => version > opsetVersion(original.proto))) {
      const upgraded = cloneModel(original);
      upgradeOpset(upgraded, target);
      const after = await run(encodeModel(upgraded), feeds);
      expect(Object.keys(after)).toEqual(Object.keys(before));
      for (const [name, expected] of Object.entries(before)) {
        const got = after[name]!;
        expect([got.type, got.dims]).toEqual([expected.type, expected.dims]);
        // The same kernels in another order of operations at most.
        const worst = got.data.reduce((most, one, i) => Math.max(most, Math.abs(one - expected.data[i]!)), 0);
        expect(worst, `${name} at opset ${target}`).toBeLessThanOrEqual(1e-6);
      }
    }
  });
});
