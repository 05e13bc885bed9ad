/**
 * What came of a build that gave no engine, in the user's words: a coded error from the native module's status, the parser's
 * errors and TensorRT's log. Used by `tensorrt.ts`.
 */
import { CodedError, cancelled } from '../contract/errors';
import { isIntegerOperator } from '../plan/existingQuantization';
import type { BuildRequest } from './backend';
import type { NativeBuildOutcome, NativeParserError } from './nativeAddon';

export const installFix = 'Run `precision-bench install tensorrt-rtx`.';

const shownErrors = 5;
const shownLines = 5;

/** What came of a build that gave no engine, as a coded error. */
export function buildError(outcome: NativeBuildOutcome, request: BuildRequest, title: string): CodedError {
  const words = errorLines(outcome.log);
  const said = words.length === 0 ? '' : ` ${title} says: ${words.slice(-shownLines).join(' | ')}`;
  const place = { file: request.onnx };
  switch (outcome.status) {
    case 'ok':
    case 'cancelled':
      return cancelled();
    case 'parse':
      return parseError(outcome.parserErrors, request, title, said);
    case 'write':
      return new CodedError({
        code: 'OUTPUT_UNWRITABLE',
        reason: outcome.reason,
        fix: 'Give a folder that is writable and has room with --out.',
        place: { file: request.engine },
      });
    case 'invalid':
      return new CodedError({
        code: 'PLAN_INVALID',
        reason: `${outcome.reason}${said}`,
        fix: "Correct the plan's shapes, builder options or targets.",
        place,
      });
    case 'noBuilder':
    case 'library':
    case 'gpu':
      return new CodedError({
        code: 'BACKEND_UNAVAILABLE',
        reason: `${outcome.reason}${said}`,
        fix: installFix,
        place,
      });
    case 'unsupported':
      return new CodedError({
        code: 'BUILDER_UNSUPPORTED',
        reason: `${title}: ${outcome.reason}${said}`,
        fix: 'Leave that option out of the plan, or choose another TensorRT with --backend.',
        place,
      });
    case 'calibration':
      return new CodedError({
        code: 'CALIBRATION_FAILED',
        reason: `${title} could not calibrate ${request.onnx}. ${outcome.reason}${said}`,
        fix: 'Check the calibration data, or use --calibrator builtin.',
        place,
      });
    case 'memory':
      return new CodedError({
        code: 'ENGINE_MEMORY',
        reason: `${title} built no ${request.precision} engine from ${request.onnx}: ${outcome.reason}${said}`,
        fix: 'Free memory of the GPU, lower builder.workspaceMiB or the largest batch, or build at a lower optimization level.',
        place,
      });
    case 'build':
    case 'engine':
    case 'run':
    case 'internal':
      return (
        unsupportedOperation(words, request, title) ??
        unimplementedLayer(words, request, title) ??
        new CodedError({
          code: 'ENGINE_BUILD',
          reason: `${title} built no ${request.precision} engine from ${request.onnx}.${outcome.reason && ` ${outcome.reason}`}${said}`,
          fix: buildFix(words, request),
          place,
        })
      );
  }
}

/** RTX's compiler on what an architecture lacks: `Cannot compile operation 'fc1' for Turing (SM75): FP32 GEMM is not supported`. */
const unsupportedPattern =
  /Cannot compile operation '(?<node>[^']*)' for (?<where>[^:]*): (?<what>[^.]*is not supported)/;

function unsupportedOperation(words: readonly string[], request: BuildRequest, title: string): CodedError | null {
  const found = words.map((line) => unsupportedPattern.exec(line)?.groups).find((groups) => groups !== undefined);
  if (found === undefined) return null;
  const { node = '', where = '', what = '' } = found;
  return new CodedError({
    code: 'PRECISION_UNSUPPORTED',
    reason: `${title} cannot build ${request.precision} for ${where}: ${what} (node ${node} of ${request.onnx}).`,
    fix: `Leave out ${request.target ?? 'this GPU'} or ${request.precision}, or choose a newer architecture.`,
    place: { file: request.onnx, node },
  });
}

/** TensorRT on an operator that it imports and has no code for: `nms_2 has no runners that implement it`. */
const unimplementedPattern = /(?<layer>\S+) has no runners that implement it/;

/** Layers are called by their node, and numbered where that name is taken. */
function unimplementedLayer(words: readonly string[], request: BuildRequest, title: string): CodedError | null {
  const layer = words.map((line) => unimplementedPattern.exec(line)?.groups?.layer).find((name) => name !== undefined);
  if (layer === undefined) return null;
  return new CodedError({
    code: 'ENGINE_BUILD',
    reason: `${title} has no implementation of layer ${layer} of ${request.onnx}, in any precision.`,
    fix: outsideFix,
    place: { file: request.onnx, node: layer.replace(/_\d+$/, '') },
  });
}

const outsideFix =
  'End the model in front of that node (onnx.utils.extract_model) and compute the rest outside the engine, or build with another TensorRT (--backend tensorrt).';

/** What the log marks as errors, without what only says that there is no GPU: that is no error when building for one. */
function errorLines(log: readonly string[]): string[] {
  const errors = log.filter((line) => line.startsWith('error: ')).map((line) => line.slice('error: '.length));
  return withoutNoise(errors).map(oneLine);
}

const noGpuLine = /^\[checkMacros\.cpp::catchCudaError.*cudaError 35\b/;

/** Unless there is nothing else. */
function withoutNoise(lines: readonly string[]): readonly string[] {
  const telling = lines.filter((line) => !noGpuLine.test(line));
  return telling.length > 0 ? telling : lines;
}

function oneLine(text: string): string {
  const lines = text.split('\n').map((line) => line.trim());
  return withoutNoise(lines.filter((line) => line !== '')).join(' ');
}

function buildFix(words: readonly string[], { precision }: BuildRequest): string {
  if (words.some((line) => /workspace limit/.test(line)))
    return 'Raise builder.workspaceMiB in the plan, or leave it out.';
  // RTX 1.7.1 on every silero-vad with an If over sizes: `graphScope.cpp::analyze … tScope.getType() != ScopeType::kUNDEFINED`.
  if (words.some((line) => /graphScope\.cpp/.test(line)))
    return 'It fails on the control flow of the model (If, Loop, Scan): export it with fixed sizes, so that its branches are decided, or build with another TensorRT version.';
  if (precision === 'fp32')
    return 'The FP32 graph itself is refused, so no choice of precisions helps: export the model anew without what it names, or build with another TensorRT version.';
  return 'Keep the nodes that it names in a higher precision with --keep, or build with another TensorRT version.';
}

function parseError(
  errors: readonly NativeParserError[],
  request: BuildRequest,
  title: string,
  said: string,
): CodedError {
  const distinct = [...new Set(errors.map(describeParserError))];
  const described = distinct.slice(0, shownErrors);
  const more = distinct.length > shownErrors ? [`and ${distinct.length - shownErrors} more`] : [];
  const node = errors.find(({ nodeName }) => nodeName !== '')?.nodeName;
  const reasons = [...described, ...more].join('; ');
  return new CodedError({
    code: 'ENGINE_PARSE',
    reason: `${title}'s parser refused ${request.onnx}: ${reasons || `it gives no reason.${said}`}`,
    fix: parseFix(errors),
    place: { file: request.onnx, ...(node === undefined ? {} : { node }) },
  });
}

function parseFix(errors: readonly NativeParserError[]): string {
  if (errors.some(({ nodeOperator }) => isIntegerOperator(nodeOperator)))
    return "The model was quantized for ONNX Runtime's own kernels: convert the float model that it was made from.";
  if (errors.some(({ reason }) => /zero.?point/i.test(reason)))
    return 'TensorRT takes scales without zero points: convert the float model, or quantize it again with symmetric activations.';
  if (errors.some(({ reason }) => /isTraining|training_mode/.test(reason)))
    return 'Export the model for inference (model.eval(), and no TrainingMode), so that it has no training operators.';
  return 'Replace or export anew the operator that it names, or build with another TensorRT version.';
}

/** One parser error as `node conv1 (Conv): reason`. */
function describeParserError(error: NativeParserError): string {
  const operator = error.nodeOperator === '' ? '' : ` (${error.nodeOperator})`;
  const inside = error.functionStack === '' ? '' : ` in function ${error.functionStack}`;
  const reason = /Plugin not found|not found in plugin registry/.test(error.reason)
    ? 'the parser does not know this operator, and no plugin has it'
    : error.reason === 'false'
      ? 'the parser does not support it'
      : oneLine(error.reason);
  if (error.nodeName !== '') return `node ${error.nodeName}${operator}${inside}: ${reason}`;
  if (error.nodeIndex >= 0) return `node number ${error.nodeIndex}${operator}${inside}: ${reason}`;
  return reason;
}
