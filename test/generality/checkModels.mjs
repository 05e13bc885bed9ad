/** `run.mjs check`: the rewritten graphs of both suites through ONNX's own checker, in one Python process. */
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { outcomesOf } from './engineRequests.mjs';
import { casesFolder, onnxPackage, python, resultsFolder } from './environment.mjs';

/** @returns 1 when the checker refuses a graph */
export function checkModels({ filter }) {
  const pairs = ['ops', 'random'].flatMap((suite) =>
    outcomesOf(suite)
      .filter(({ name }) => name.includes(filter))
      .flatMap(({ name, variants }) => variants.flatMap(({ file }) => pairOf(suite, name, file))),
  );
  const text = execFileSync(python, [path.join(import.meta.dirname, 'check_models.py')], {
    env: { ...process.env, PYTHONPATH: onnxPackage() },
    input: pairs.join('\n'),
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  const result = JSON.parse(text);
  writeFileSync(path.join(resultsFolder, 'checked.json'), text);
  for (const { file, reason } of result.refused.slice(0, 20)) console.log(`REFUSED ${file}: ${reason}`);
  const { checked, refused, originalRefused } = result;
  console.log(`${checked} graphs checked, ${refused.length} refused; ${originalRefused} of originals that it refuses`);
  return result.refused.length === 0 ? 0 : 1;
}

/** The original and what was made of it, a line for the Python script. */
function pairOf(suite, name, file) {
  if (file === null || !existsSync(file)) return [];
  const original =
    suite === 'ops' ? path.join(casesFolder(), name, 'model.onnx') : path.join(path.dirname(file), 'original.onnx');
  return [`${original}\t${file}`];
}
