/** The models that lie beside the repository on some machines; tests on them are extra and skip where they are absent. */
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

const folder = resolve(import.meta.dirname, '../../../shared/models/models');

export const sharedModels: readonly string[] = existsSync(folder)
  ? readdirSync(folder)
      .filter((name) => name.endsWith('.onnx'))
      .map((name) => join(folder, name))
  : [];
