/**
 * Finds headers of TensorRT 8, which no package registry has: a folder named by TENSORRT8_INCLUDE_DIR, an SDK that is
 * installed (JetPack 4 and 5 put it into the system's folders), or a folder laid beside the clone.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from './importTypeScript.mjs';

function candidates(environment) {
  const triple = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
  const root = environment.TENSORRT_ROOT;
  return [
    environment.TENSORRT8_INCLUDE_DIR,
    root && path.join(root, 'include'),
    `/usr/include/${triple}`,
    '/usr/local/tensorrt/include',
    path.join(projectRoot, '..', 'shared', 'third_party', 'tensorrt-headers', '8.2.1'),
  ];
}

function majorOf(folder) {
  const file = path.join(folder, 'NvInferVersion.h');
  if (!existsSync(file) || !existsSync(path.join(folder, 'NvOnnxParser.h'))) return null;
  return Number(/#define\s+NV_TENSORRT_MAJOR\s+(\d+)/.exec(readFileSync(file, 'utf8'))?.[1]);
}

/** @returns the first folder with headers of TensorRT 8, or null */
export function findTensorrt8Headers(environment = process.env) {
  return candidates(environment).find((folder) => folder && majorOf(folder) === 8) ?? null;
}
