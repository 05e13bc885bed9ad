/**
 * Coded errors: every failure a user can meet has a code, a reason and a `fix` sentence.
 *
 * Nothing else reaches a user. A stage throws `CodedError`; the worker channel carries it across the process boundary
 * (`toJSON`/`fromJSON`), the CLI prints it and the editor turns it into a notification. Anything that is not a
 * `CodedError` is a defect of ours and is reported as `INTERNAL` with its stack in the log only.
 */

/** Where in the user's input the fault lies. Every part that is known is filled. */
export interface ErrorPlace {
  readonly file?: string;
  readonly node?: string;
  readonly field?: string;
}

/** All codes, by area. The text says when the code is used; messages are written where the error is thrown. */
export const errorCodes = {
  // Command line and plan
  USAGE: 'The command line is wrong (exit code 2).',
  PLAN_INVALID: 'A plan file is not valid: unknown key, wrong type, bad value.',
  REPORT_INVALID: 'A saved report cannot be read.',
  OUTPUT_UNWRITABLE: 'The output folder or a file in it cannot be written.',
  CANCELLED: 'The user cancelled (exit code 130).',
  TIME_BUDGET: 'The time budget of the run was used up before this step.',
  // Model
  MODEL_NOT_FOUND: 'The model file does not exist or cannot be read.',
  MODEL_NOT_ONNX: 'The file is not an ONNX protobuf.',
  MODEL_TRUNCATED: 'The file ends in the middle of a field.',
  MODEL_INVALID: 'The protobuf is readable but the graph is not valid (no outputs, a cycle, an undefined tensor …).',
  MODEL_OPSET_UNSUPPORTED: 'The opset or IR version is newer or older than what can be handled.',
  MODEL_OPSET_UPGRADE: 'An operator has no rule for the opset upgrade that a precision needs.',
  MODEL_OPERATOR_UNSUPPORTED: 'The reference runtime has no implementation of an operator.',
  EXTERNAL_DATA_MISSING: 'A file with external tensor data does not exist or is too short.',
  EXTERNAL_DATA_OUTSIDE: 'An external-data path leaves the model folder.',
  // Data
  DATA_NOT_FOUND: 'The data path does not exist.',
  DATA_EMPTY: 'The data set has no samples.',
  DATA_UNREADABLE: 'A data file is corrupt or of an unknown kind.',
  DATA_MISMATCH: 'The data fits no input of the model (names, rank, shape or type).',
  DATA_NON_FINITE: 'The data holds NaN or infinity.',
  DATA_LABELS_INVALID: 'A labels file does not match the data.',
  DATA_PYTHON: "The user's Python data set failed; the reason carries its traceback.",
  PREPROCESS_INVALID: 'A preprocessing preset or file is unknown or malformed.',
  // Precision and calibration
  PRECISION_UNSUPPORTED: 'A precision cannot be written for this model or this target.',
  PRECISION_NOT_REALISED: 'The engine that was built does not compute in the precision asked for.',
  CALIBRATION_FAILED: 'Calibration could not produce scales.',
  CALIBRATION_TABLE_MISMATCH: 'A calibration table or cache belongs to another model, data set or algorithm.',
  // Backends
  BACKEND_UNAVAILABLE: 'The backend asked for is not on this machine.',
  TARGET_UNSUPPORTED: 'The GPU architecture asked for cannot be served by the backend.',
  RUNTIME_FAILED: 'The reference runtime refused or failed to run a model.',
  ENGINE_PARSE: 'The TensorRT parser refused the model; the place names the node.',
  ENGINE_BUILD: 'The TensorRT builder failed.',
  ENGINE_MEMORY: 'The host or the GPU has not enough memory to build or run an engine.',
  ENGINE_INCOMPATIBLE: 'An engine cannot run on this machine; the reason names what differs.',
  BUILDER_UNSUPPORTED: 'This TensorRT has not what the plan asks of its builder.',
  NATIVE_MISSING: 'The native module is not built on this machine.',
  UNTRUSTED: 'The workspace is in Restricted Mode: nothing in it may be run.',
  INSTALL_FAILED: 'A package client could not fetch a library.',
  // Worker
  WORKER_CRASHED: 'The worker process died; the reason names the signal, the stage and the last log lines.',
  WORKER_OUT_OF_MEMORY: 'The worker process was killed for memory.',
  WORKER_PROTOCOL: 'The worker speaks another protocol version or sent a malformed message.',
  INTERNAL: 'A defect of Precision Bench.',
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** A failure as plain data: what the report, the channel and `--json` carry. */
export interface ErrorData {
  readonly code: ErrorCode;
  /** What went wrong, in one or two sentences, naming the file, node or field. */
  readonly reason: string;
  /** What the user can do about it, as an imperative sentence. */
  readonly fix: string;
  readonly place?: ErrorPlace;
}

/** The only error type that crosses a stage boundary. */
export class CodedError extends Error implements ErrorData {
  readonly code: ErrorCode;
  readonly reason: string;
  readonly fix: string;
  readonly place?: ErrorPlace;

  constructor(data: ErrorData, options?: { cause?: unknown }) {
    super(`${data.code}: ${data.reason}`, options);
    this.name = 'CodedError';
    this.code = data.code;
    this.reason = data.reason;
    this.fix = data.fix;
    if (data.place !== undefined) this.place = data.place;
  }

  static is(error: unknown, code?: ErrorCode): error is CodedError {
    return error instanceof CodedError && (code === undefined || error.code === code);
  }

  /** Any thrown value as a coded error; what is not coded already becomes `INTERNAL`. */
  static from(error: unknown): CodedError {
    if (error instanceof CodedError) return error;
    const message = error instanceof Error ? error.message : String(error);
    return new CodedError(
      {
        code: 'INTERNAL',
        reason: message,
        fix: 'Run again with PRECISION_BENCH_DEBUG=1 in the environment and report what it prints as a defect.',
      },
      { cause: error },
    );
  }

  /** The same error about another file: what went wrong with a copy went wrong with the file that it was made of. */
  withFile(file: string, original: string): CodedError {
    const reason = this.reason.replaceAll(file, original);
    const place = this.place?.file === file ? { ...this.place, file: original } : this.place;
    return new CodedError({ ...this.toJSON(), reason, ...(place && { place }) }, { cause: this.cause });
  }

  toJSON(): ErrorData {
    return {
      code: this.code,
      reason: this.reason,
      fix: this.fix,
      ...(this.place === undefined ? {} : { place: this.place }),
    };
  }
}

/** Thrown where an `AbortSignal` fires; carries no fault of the input. */
export function cancelled(): CodedError {
  return new CodedError({ code: 'CANCELLED', reason: 'The run was cancelled.', fix: 'Start it again when ready.' });
}

/** Throws `CANCELLED` if the signal has fired. Call it between units of work that take under a second each. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw cancelled();
}
