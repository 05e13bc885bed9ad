import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readProto } from '../../../extension/model/loadModel';
import { modelProtoSchema } from '../../../extension/model/onnx.generated';
import { encodeToArray } from '../../../extension/model/wireWriter';
import { sharedModels } from '../../support/sharedModels';

describe.skipIf(sharedModels.length === 0)('real models re-encode byte for byte (needs ../shared/models)', () => {
  it.each(sharedModels)('%s', (path) => {
    const encoded = encodeToArray(readProto(path), modelProtoSchema);
    expect(Buffer.compare(encoded, readFileSync(path))).toBe(0);
  });
});
