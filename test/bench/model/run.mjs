/**
 * Measures decoding and encoding a large ONNX model against Python's `onnx.load` and `onnx.save`, in one run.
 *
 * `npm run bench:model` writes docs/measurements/model-io.md. Each measurement is a fresh process; the two sides take turns,
 * so that whatever else the machine does hits both. A side's clock starts after its imports; peak memory is the whole process's.
 *
 * Usage: node test/bench/model/run.mjs [rounds, 7 when left out]
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { format } from 'prettier';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..', '..');
const rounds = Number(process.argv[2] ?? 7);
const onnxVersion = '1.23.2';
const goals = { time: 0.25, memory: 0.5 };

/** A Python with the onnx package, kept between runs. */
function python() {
  const folder = join(os.tmpdir(), `precision-bench-onnx-${onnxVersion}`);
  const bin = process.platform === 'win32' ? join(folder, 'Scripts', 'python.exe') : join(folder, 'bin', 'python');
  if (!existsSync(bin)) {
    console.log('installing the onnx Python package …');
    execFileSync(process.platform === 'win32' ? 'python' : 'python3', ['-m', 'venv', folder], { stdio: 'inherit' });
    execFileSync(bin, ['-m', 'pip', 'install', '--quiet', `onnx==${onnxVersion}`], { stdio: 'inherit' });
  }
  return bin;
}

async function bundle(name, folder) {
  const outfile = join(folder, `${name}.mjs`);
  await build({
    entryPoints: [join(here, `${name}.ts`)],
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile,
    logLevel: 'error',
  });
  return outfile;
}

async function sha256(path) {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path)) hash.update(piece);
  return hash.digest('hex');
}

const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[Math.floor((sorted.length - 1) / 2)] + sorted[Math.ceil((sorted.length - 1) / 2)]) / 2;
};

const folder = mkdtempSync(join(os.tmpdir(), 'precision-bench-model-io-'));
try {
  const bin = python();
  const source = join(folder, 'model.onnx');
  execFileSync(process.execPath, [await bundle('makeModel', folder), source]);
  const sourceHash = await sha256(source);
  const ours = await bundle('roundTrip', folder);
  const sides = [
    { name: 'Precision Bench', command: [process.execPath, ours], results: [] },
    { name: `Python onnx ${onnxVersion}`, command: [bin, join(here, 'roundTrip.py')], results: [] },
  ];
  for (let round = 0; round < rounds; round++) {
    for (const side of round % 2 === 0 ? sides : [...sides].reverse()) {
      const target = join(folder, 'saved.onnx');
      const [program, script] = side.command;
      const printed = execFileSync(program, [script, source, target], { encoding: 'utf8' });
      const result = JSON.parse(printed);
      side.results.push(result);
      if (statSync(target).size !== statSync(source).size) throw new Error(`${side.name} wrote another size`);
      if (round === 0 && side === sides[0] && (await sha256(target)) !== sourceHash) {
        throw new Error('our copy differs from the original');
      }
      rmSync(target);
      console.log(`${side.name}: ${result.seconds.toFixed(2)} s, ${(result.rss / 1e6).toFixed(0)} MB`);
    }
  }
  const [mine, theirs] = sides.map((side) => ({
    name: side.name,
    seconds: median(side.results.map((result) => result.seconds)),
    fastest: Math.min(...side.results.map((result) => result.seconds)),
    slowest: Math.max(...side.results.map((result) => result.seconds)),
    rss: median(side.results.map((result) => result.rss)),
  }));
  const time = mine.seconds / theirs.seconds;
  const memory = mine.rss / theirs.rss;
  const row = (side) =>
    `| ${side.name} | ${side.seconds.toFixed(2)} | ${side.fastest.toFixed(2)} – ${side.slowest.toFixed(2)} | ${(side.rss / 1e6).toFixed(0)} |`;
  const size = (statSync(source).size / 1e6).toFixed(0);
  const report = `# Reading and writing a large model

\`npm run bench:model\`, ${new Date().toISOString().slice(0, 10)}: decode and encode of a synthetic model of ${size} MB (100 embedded
tensors of 8 MiB), as loadModel + saveModel (which also hashes what it writes) and as \`onnx.load\` + \`onnx.save\`. ${rounds} rounds, a fresh process
each, taking turns; medians. Our copy is the original byte for byte.

| | seconds | fastest – slowest | peak memory, MB |
|---|---|---|---|
${row(mine)}
${row(theirs)}

| ratio | measured | goal |
|---|---|---|
| time | ${time.toFixed(3)} | ≤ ${goals.time} |
| peak memory | ${memory.toFixed(3)} | ≤ ${goals.memory} |

Machine: ${os.cpus()[0]?.model.trim()}, ${os.cpus().length} cores, ${(os.totalmem() / 1e9).toFixed(0)} GB, ${os.type()} ${os.release()}; load average ${os
    .loadavg()[0]
    .toFixed(1)} at the end. Node.js ${process.versions.node}, onnx ${onnxVersion}.
`;
  const target = join(root, 'docs', 'measurements', 'model-io.md');
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, await format(report, { parser: 'markdown', printWidth: 120 }));
  console.log(
    `time ratio ${time.toFixed(3)} (goal ${goals.time}), memory ratio ${memory.toFixed(3)} (goal ${goals.memory})`,
  );
  if (time > goals.time || memory > goals.memory) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
