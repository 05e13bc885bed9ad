/** `run.mjs report`: what the outcomes in the cache folder say, as `docs/measurements/generality.{md,json}`. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import * as prettier from 'prettier';
import { outcomesOf } from './engineRequests.mjs';
import { onnxVersion, resultsFolder } from './environment.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const require = createRequire(import.meta.url);
const variantNames = ['prepared', 'fp16', 'bf16', 'int8', 'fp8'];

export async function writeReport() {
  const result = collect();
  const base = path.join(root, 'docs', 'measurements', 'generality');
  const options = await prettier.resolveConfig(`${base}.md`);
  const format = (text, parser) => prettier.format(text, { ...options, parser });
  writeFileSync(`${base}.json`, await format(JSON.stringify(result), 'json'));
  writeFileSync(`${base}.md`, await format(render(result), 'markdown'));
  console.log(`wrote ${base}.md and .json`);
}

function collect() {
  const checkedFile = path.join(resultsFolder, 'checked.json');
  return {
    date: new Date().toISOString().slice(0, 10),
    versions: {
      onnx: onnxVersion,
      'onnxruntime-node': require('onnxruntime-node/package.json').version,
      node: process.versions.node,
    },
    ops: suiteOf(outcomesOf('ops')),
    random: suiteOf(outcomesOf('random')),
    checker: existsSync(checkedFile) ? checkerOf(JSON.parse(readFileSync(checkedFile, 'utf8'))) : null,
    engines: enginesOf(outcomesOf('engines')),
  };
}

function suiteOf(outcomes) {
  const withStatus = (status) => outcomes.filter((outcome) => outcome.status === status);
  return {
    cases: outcomes.length,
    passed: withStatus('passed').length,
    refused: grouped(withStatus('refused'), ({ reason }) => shortened(reason)),
    skipped: grouped(withStatus('skipped'), ({ reason }) => reason),
    failed: withStatus('failed').map(({ name, reason }) => ({ name, reason })),
    operators: new Set(withStatus('passed').flatMap(({ operators }) => operators)).size,
    opsets: grouped(withStatus('passed'), ({ opset }) => String(opset)),
    variants: Object.fromEntries(variantNames.map((name) => [name, variantOf(outcomes, name)])),
  };
}

function variantOf(outcomes, name) {
  const found = outcomes.flatMap(({ variants }) => variants.filter(({ variant }) => variant === name));
  const ratios = found.flatMap(({ sqnrDb }) => (sqnrDb === null ? [] : [sqnrDb])).sort((a, b) => a - b);
  const at = (share) =>
    ratios.length === 0 ? null : Number(ratios[Math.floor((ratios.length - 1) * share)].toFixed(1));
  return {
    graphs: found.length,
    passed: found.filter(({ status }) => status === 'passed').length,
    identical: found.filter(({ status, sqnrDb }) => status === 'passed' && sqnrDb === null).length,
    sqnrDb: { p05: at(0.05), median: at(0.5) },
  };
}

/** Paths and numbers out of a message, so that like falls to like. */
function shortened(reason) {
  return reason
    .replace(/^\w+: /, '')
    .replace(/\S*\/cases\/\S+/g, 'the model')
    .replace(/\s+/g, ' ');
}

function grouped(items, keyOf) {
  const counts = {};
  for (const item of items) counts[keyOf(item)] = (counts[keyOf(item)] ?? 0) + 1;
  return Object.fromEntries(Object.entries(counts).sort(([, a], [, b]) => b - a));
}

function checkerOf({ checked, originalRefused, refused }) {
  return { checked, originalRefused, refused };
}

function enginesOf(outcomes) {
  const parsed = outcomes.map((outcome) => {
    const separator = outcome.name.lastIndexOf(' ');
    const name = outcome.name.slice(0, separator);
    return {
      ...outcome,
      case: name,
      variant: outcome.name.slice(separator + 1),
      suite: name.startsWith('seed ') ? 'random' : 'ops',
    };
  });
  const table = ['ops', 'random'].flatMap((suite) =>
    variantNames.map((variant) => {
      const found = parsed.filter((outcome) => outcome.suite === suite && outcome.variant === variant);
      const count = (status) => found.filter((outcome) => outcome.status === status).length;
      return { suite, variant, built: count('accepted'), refused: count('refused'), failed: count('failed') };
    }),
  );
  const operatorsOf = new Map(
    [...outcomesOf('ops'), ...outcomesOf('random')].map(({ name, operators }) => [name, operators]),
  );
  const causes = parsed
    .filter(({ status }) => status !== 'accepted')
    .map((outcome) => ({ ...outcome, cause: causeOf(outcome.reason ?? '', operatorsOf.get(outcome.case) ?? []) }));
  const inFp32 = causes.filter(({ variant }) => variant === 'prepared');
  const byUs = causes.filter(({ variant }) => variant !== 'prepared');
  return {
    table,
    refusedInFp32: rows(inFp32),
    refusedOnlyRewritten: byUs.map(({ name, cause, reason }) => ({ name, ...cause, words: reason.slice(0, 400) })),
  };
}

function rows(causes) {
  const groups = new Map();
  for (const { cause, case: name } of causes) {
    const key = `${cause.operator}|${cause.reason}`;
    const group = groups.get(key) ?? { ...cause, count: 0, example: name };
    group.count += 1;
    groups.set(key, group);
  }
  return [...groups.values()].sort((a, b) => a.operator.localeCompare(b.operator) || b.count - a.count);
}

/** The operator that the builder names, else those of the case, and its words without names and numbers of one case. */
function causeOf(text, operators) {
  const named = /node (?:number \d+|.+?) \((\w+)\):? ?(?:in function [^:]*: )?(.*)/s.exec(text);
  const words = (named?.[2] ?? text.replace(/^.*?says: /s, '')).split(/ \| | In \w+ at \/|; node /)[0];
  const reason = words
    .replace(/Invalid Node - \S+ /g, '')
    .replace(/'[^']*'|"[^"]*"/g, '…')
    .replace(/\{ForeignNode\[.*$/s, '…')
    .replace(/\d{3,}/g, 'N')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 160);
  return { operator: named?.[1] ?? operators.slice(0, 3).join('+'), reason };
}

function render({ date, versions, ops, random, checker, engines }) {
  const considered = ops.passed + sum(ops.refused) + ops.failed.length;
  return `# Generality: single operators, random graphs, TensorRT-RTX

${date} · onnx ${versions.onnx} · onnxruntime-node ${versions['onnxruntime-node']} · Node ${versions.node}. Made by \`npm run test:ops\`,
\`npm run test:random\`, \`npm run test:engines\` and \`node test/generality/run.mjs check\`, written by \`run.mjs report\`.

Every model goes through what a conversion does: check, prepare, observe ranges, write FP16, BF16 and (where a layer is fit for
8 bits) INT8 and FP8, run with ONNX Runtime, compare with the FP32 result of the original. The bound of an error is the rounding
of the type times the root of the depth plus what the FP32 graph itself does when inputs and weights move by one rounding
(\`test/generality/compareOutputs.ts\`, \`compareSignals.ts\`). BF16 runs as the
simulation that evaluation uses. FP16, INT8 and FP8 graphs are run twice: as they are, and with every rounding written out
(\`simulate(model, ['bf16', 'fp16'])\`), because ONNX Runtime on a CPU drops the rounding between neighbouring FP16 nodes that it
has no kernels for. 4-bit outputs and models newer than opset 26 (stamped 26 here) depend on what the runtime takes.

## Single operators: the ${ops.cases} tests of the onnx package

| | |
|---|---|
| with a float32 tensor, and run by ONNX Runtime in FP32 | ${considered} |
| passed | ${ops.passed} (${percent(ops.passed, considered)}) |
| refused with a coded reason | ${sum(ops.refused)} |
| wrong or crashed | ${ops.failed.length} |
| distinct operators among those passed | ${ops.operators} |

${variantTable(ops)}

Refused:

${list(ops.refused)}

Skipped, since there is nothing to compare with:

${list(ops.skipped)}

${failures(ops)}
## Random graphs: ${random.cases} seeds

${random.passed} passed, ${sum(random.refused)} refused, ${random.failed.length} failed. Opsets 7 to 22 in equal shares.

${variantTable(random)}

${failures(random)}
## ONNX's checker

${checker === null ? 'Not run.' : `\`onnx.checker.check_model(full_check=True)\` over ${checker.checked} rewritten graphs: ${checker.refused.length} refused. (${checker.originalRefused} more are of originals that it refuses already.)`}

${checker === null ? '' : checker.refused.map(({ file, reason }) => `- ${file.split('/generality/')[1]}: ${reason.slice(0, 200)}`).join('\n')}

## TensorRT-RTX, engines for sm_89

TensorRT-RTX 1.7.1, optimization level 0. FP32 first; the other variants only where FP32 is accepted. Of the random graphs, those of the
first seeds, as far as time allowed.

| suite | variant | built | refused | died |
|---|---|--:|--:|--:|
${engines.table.map(({ suite, variant, built, refused, failed }) => `| ${suite} | ${variant === 'prepared' ? 'fp32' : variant} | ${built} | ${refused} | ${failed} |`).join('\n')}

### Refused though FP32 is accepted

${engines.refusedOnlyRewritten.length === 0 ? 'None.' : engines.refusedOnlyRewritten.map(({ name, operator, reason }) => `- ${name}: ${operator}: ${escaped(reason)}`).join('\n')}

### Refused in FP32, by operator

| operator | cases | reason | example |
|---|--:|---|---|
${engines.refusedInFp32.map(({ operator, count, reason, example }) => `| ${operator} | ${count} | ${escaped(reason)} | ${example} |`).join('\n')}
`;
}

function variantTable({ variants }) {
  const lines = variantNames.map((name) => {
    const { graphs, passed, identical, sqnrDb } = variants[name];
    return `| ${name} | ${graphs} | ${passed} | ${identical} | ${sqnrDb.p05 ?? '–'} | ${sqnrDb.median ?? '–'} |`;
  });
  return `| variant | graphs | passed | of them identical or without floats | SQNR, 5th percentile (dB) | median (dB) |
|---|--:|--:|--:|--:|--:|
${lines.join('\n')}`;
}

function failures({ failed }) {
  if (failed.length === 0) return '';
  return `Failed:\n\n${failed.map(({ name, reason }) => `- ${name}: ${escaped(reason.slice(0, 300))}`).join('\n')}\n`;
}

const sum = (counts) => Object.values(counts).reduce((a, b) => a + b, 0);
const percent = (part, whole) => `${((100 * part) / Math.max(1, whole)).toFixed(1)} %`;
const escaped = (text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ').replaceAll('<', '&lt;');
const list = (counts) =>
  sum(counts) === 0
    ? '- none'
    : Object.entries(counts)
        .map(([reason, count]) => `- ${count} × ${escaped(reason)}`)
        .join('\n');
