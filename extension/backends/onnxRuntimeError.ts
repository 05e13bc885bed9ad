/**
 * Turns onnxruntime's error messages into coded errors that name file, node and operator.
 *
 * The Node binding throws plain `Error`s: the text is the only thing there is. The patterns below were collected from
 * onnxruntime 1.30; a message that none of them knows keeps its own words under RUNTIME_FAILED.
 * Used by `onnxRuntime.ts` only.
 */
import { CodedError, type ErrorData } from '../contract/errors';

/** What one family of messages means: `reason` and the place are filled from the named groups of the pattern. */
interface Rule {
  readonly pattern: RegExp;
  readonly code: ErrorData['code'];
  readonly fix: string;
  readonly reason: (groups: Readonly<Record<string, string>>, words: string) => string;
}

const operatorFix =
  'Update the exporter or lower its opset; an operator that only a TensorRT plugin has cannot be compared with FP32.';

const rules: readonly Rule[] = [
  {
    pattern: /Could not find an implementation for (?<op>[^\s(]+)\((?<version>\d+)\) node with name '(?<node>[^']*)'/,
    code: 'MODEL_OPERATOR_UNSUPPORTED',
    fix: operatorFix,
    reason: ({ op, version }) =>
      `onnxruntime has no CPU kernel for operator ${op} (version ${version}) with these element types`,
  },
  {
    pattern:
      /In Node, \("(?<node>[^"]*)", (?<op>[^\s,]+),.*No Op registered for \S+ with domain_version of (?<version>\d+)/s,
    code: 'MODEL_OPERATOR_UNSUPPORTED',
    fix: operatorFix,
    reason: ({ op, version }) => `operator ${op} does not exist in opset ${version}`,
  },
  {
    pattern: /(?<op>[\w.]+:\w+)\(-?\d+\) is not a registered function\/op/,
    code: 'MODEL_OPERATOR_UNSUPPORTED',
    fix: operatorFix,
    reason: ({ op }) => `onnxruntime does not know the custom operator ${op}`,
  },
  {
    pattern: /Unsupported model IR version: (?<version>\d+), max supported IR version: (?<max>\d+)/,
    code: 'MODEL_OPSET_UNSUPPORTED',
    fix: 'Export the model again with an older IR version.',
    reason: ({ version, max }) => `the model has IR version ${version}; onnxruntime reads up to ${max}`,
  },
  {
    pattern: /Opset (?<version>\d+) is under development.*support for domain (?<domain>\S+) is till opset (?<max>\d+)/s,
    code: 'MODEL_OPSET_UNSUPPORTED',
    fix: 'Export the model again with an older opset.',
    reason: ({ version, domain, max }) =>
      `the model has opset ${version} of domain ${domain}; onnxruntime runs up to ${max}`,
  },
  {
    pattern: /two nodes with same node name \((?<node>[^)]*)\)/,
    code: 'MODEL_INVALID',
    fix: 'Give every node a name of its own, or none.',
    reason: ({ node }) => `two nodes are named "${node}"`,
  },
  {
    pattern: /Node input '(?<tensor>[^']*)' is not a graph input, initializer, or output of a previous node/,
    code: 'MODEL_INVALID',
    fix: 'Export the model again; its graph is incomplete.',
    reason: ({ tensor }) => `the tensor "${tensor}" is made by no node before the one that reads it`,
  },
  {
    pattern: /Protobuf parsing failed/,
    code: 'MODEL_NOT_ONNX',
    fix: 'Give a file written by an ONNX exporter.',
    reason: () => 'the file is not an ONNX protobuf',
  },
  {
    pattern: /File doesn't exist|system error number (?:2|13)\b/,
    code: 'MODEL_NOT_FOUND',
    fix: 'Check the path and that the file can be read.',
    reason: () => 'the file does not exist or cannot be read',
  },
  {
    pattern: /External data path does not exist: "?(?<path>[^"]+)"?/,
    code: 'EXTERNAL_DATA_MISSING',
    fix: 'Copy the external data file into the folder of the model.',
    reason: ({ path }) => `the external data file ${path} does not exist`,
  },
  {
    pattern: /External data path.*(?:escapes|outside|not under)/is,
    code: 'EXTERNAL_DATA_OUTSIDE',
    fix: 'Keep external data in the folder of the model.',
    reason: (_, words) => words,
  },
  {
    pattern: /^Unsupported data type: (?<type>\d+)$/,
    code: 'RUNTIME_FAILED',
    fix: 'Declare the graph input or output as fp32 (plan: bindings); the graph may cast inside.',
    reason: ({ type }) =>
      `a graph input or output has ONNX element type ${type} (16 is bf16, 17 to 20 are fp8), which onnxruntime for ` +
      'Node.js cannot pass',
  },
  {
    pattern: /Failed to allocate memory|bad[_ ]alloc/,
    code: 'RUNTIME_FAILED',
    fix: 'Use a smaller batch size or fewer samples, or a machine with more memory.',
    reason: (_, words) => `onnxruntime ran out of memory: ${words}`,
  },
  {
    pattern:
      /Non-zero status code returned while running (?<op>\S+) node\. Name:'(?<node>[^']*)' Status Message: (?<status>.*)/s,
    code: 'RUNTIME_FAILED',
    fix: 'Check that the data has the shapes the model expects (--shape, --preprocess).',
    reason: ({ op, status }) => `operator ${op} failed: ${withoutSource(status ?? '')}`,
  },
  {
    pattern: /in node \((?<node>[^)]*)\)/,
    code: 'RUNTIME_FAILED',
    fix: 'Check the model: element types or shapes do not fit at this node.',
    reason: (_, words) => words,
  },
];

/** @param file the model that was opened or run */
export function onnxRuntimeError(error: unknown, file: string): CodedError {
  if (error instanceof CodedError) return error;
  const message = error instanceof Error ? error.message : String(error);
  for (const { pattern, code, fix, reason } of rules) {
    const match = pattern.exec(message);
    if (match === null) continue;
    const groups = match.groups ?? {};
    const { node } = groups;
    const at = node === undefined || node === '' ? '' : ` at node "${node}"`;
    const words = reason(groups, withoutSource(message));
    const place = { file, ...(at === '' || node === undefined ? {} : { node }) };
    return new CodedError({ code, reason: `${file}${at}: ${words}`, fix, place }, { cause: error });
  }
  return new CodedError(
    {
      code: 'RUNTIME_FAILED',
      reason: `${file}: onnxruntime failed: ${withoutSource(message)}`,
      fix: 'Check that the model runs in onnxruntime with this data.',
      place: { file },
    },
    { cause: error },
  );
}

/**
 * The message without what only a developer of the runtime reads: the "Load model from … failed:" prefix, and source
 * path, line and C++ signature of the check that failed.
 */
function withoutSource(message: string): string {
  const text = message.replace(/^Load model from .*? failed:/s, '');
  const source = /\/onnxruntime_src\/\S+:\d+ /.exec(text);
  if (source === null) return text.trim();
  const rest = text.slice(source.index + source[0].length);
  return (text.slice(0, source.index) + withoutSignature(rest)).trim();
}

/** Skips `Return Class::name(const std::vector<…>&, …) [const]` at the start, by balancing its parentheses. */
function withoutSignature(text: string): string {
  const open = text.indexOf('(');
  if (open < 0 || !text.slice(0, open).includes('::')) return text;
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    if (text[i] === '(') depth++;
    else if (text[i] === ')' && --depth === 0)
      return text
        .slice(i + 1)
        .replace(/^ const\b/, '')
        .trim();
  }
  return text;
}
