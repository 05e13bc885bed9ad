/**
 * `file.py:ClassName`: the very class that a torch2trt user has (`__len__`, `__getitem__`), run in the user's own
 * interpreter as a child process.
 *
 * The child runs `python/serve_dataset.py`, which is inlined into the bundle; it describes the protocol. Arrays come as
 * raw bytes over a pipe. Relative paths in the user's code start from the folder of the file.
 */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { cancelled, CodedError, throwIfCancelled } from '../../contract/errors';
import type { DType } from '../../contract/tensor';
import { UnreadableSample, type Label, type OpenDatasetOptions } from '../dataset';
import { hashFiles, hashText } from './hashFiles';
import { hashSamples } from './hashSamples';
import serverScript from './python/serve_dataset.py';
import type { RawSample, RawValue, SampleSource } from './sampleSource';
import { typedArray } from './typedArrays';

interface ErrorAnswer {
  /** What is wrong with how the data set was named, or the traceback of the user's code. */
  readonly text: string;
  /** What to do about it; null for an exception of the user's code. */
  readonly fix: string | null;
}

/** What the server says; `error` or the rest. */
interface AnswerHeader {
  readonly error?: ErrorAnswer;
  readonly length?: number;
  readonly classes?: readonly string[] | null;
  readonly names?: readonly string[] | null;
  readonly label?: Label;
  readonly tensors: readonly { readonly dtype: DType; readonly dims: readonly number[]; readonly bytes: number }[];
}

interface Answer {
  readonly header: AnswerHeader;
  readonly payloads: readonly Uint8Array[];
}

const keptLogLines = 20;

/** Takes length-prefixed frames out of a stream of chunks. */
class FrameReader {
  private chunks: Buffer[] = [];
  private size = 0;

  constructor(private readonly source: AsyncIterator<Buffer>) {}

  /** @throws Error when the stream ends */
  async read(length: number): Promise<Buffer> {
    while (this.size < length) {
      const next = await this.source.next();
      if (next.done === true) throw new Error('the pipe was closed');
      this.chunks.push(next.value);
      this.size += next.value.length;
    }
    const all = Buffer.concat(this.chunks);
    this.chunks = [all.subarray(length)];
    this.size = all.length - length;
    return all.subarray(0, length);
  }
}

/** The running interpreter: one request at a time, in order. */
class PythonServer {
  private readonly frames: FrameReader;
  private readonly log: string[] = [];
  private readonly exit: Promise<string>;
  /** Requests wait for the one before. */
  private busy: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly child: ChildProcessWithoutNullStreams,
    private readonly file: string,
  ) {
    this.frames = new FrameReader(child.stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer>);
    this.exit = once(child, 'close').then(([code, signal]) =>
      signal === null ? `exit code ${String(code)}` : `signal ${String(signal)}`,
    );
    // A pipe to a process that died fails on write; the read that follows reports it.
    child.stdin.on('error', () => undefined);
    let partial = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      const lines = (partial + text).split('\n');
      partial = lines.pop() ?? '';
      this.log.push(...lines);
      this.log.splice(0, this.log.length - keptLogLines);
    });
  }

  /** The next answer. @throws CodedError DATA_PYTHON when the interpreter dies, CANCELLED on abort */
  private async answer(signal: AbortSignal | undefined): Promise<Answer> {
    const kill = () => this.child.kill('SIGKILL');
    signal?.addEventListener('abort', kill);
    try {
      throwIfCancelled(signal);
      const size = (await this.frames.read(4)).readUInt32LE(0);
      const header = JSON.parse((await this.frames.read(size)).toString('utf8')) as AnswerHeader;
      const payloads: Uint8Array[] = [];
      for (const { bytes } of header.tensors) payloads.push(await this.frames.read(bytes));
      return { header, payloads };
    } catch (error) {
      if (signal?.aborted === true) throw cancelled();
      if (CodedError.is(error)) throw error;
      const exit = await this.exit;
      const lastLines = this.log.length === 0 ? '' : ` Its last lines: ${this.log.slice(-8).join(' | ')}`;
      throw new CodedError(
        {
          code: 'DATA_PYTHON',
          reason: `The Python process that runs ${this.file} ended with ${exit}.${lastLines}`,
          fix: 'Run the class on its own in the same interpreter to see why.',
          place: { file: this.file },
        },
        { cause: error },
      );
    } finally {
      signal?.removeEventListener('abort', kill);
    }
  }

  ready(signal: AbortSignal | undefined): Promise<Answer> {
    return this.answer(signal);
  }

  get(index: number, signal: AbortSignal | undefined): Promise<Answer> {
    const result = this.busy.then(() => {
      this.child.stdin.write(`${JSON.stringify({ get: index })}\n`);
      return this.answer(signal);
    });
    this.busy = result.catch(() => undefined);
    return result;
  }

  async close(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL');
    await this.exit;
  }
}

async function startInterpreter(
  interpreters: readonly string[],
  args: readonly string[],
  folder: string,
): Promise<ChildProcessWithoutNullStreams> {
  let failure: unknown;
  for (const interpreter of interpreters) {
    const child = spawn(interpreter, args, { cwd: folder, stdio: ['pipe', 'pipe', 'pipe'], windowsHide: true });
    try {
      await once(child, 'spawn');
      return child;
    } catch (error) {
      failure = error;
    }
  }
  throw new CodedError(
    {
      code: 'DATA_PYTHON',
      reason: `No Python interpreter could be started (${interpreters.join(', ')}): ${(failure as Error).message}.`,
      fix: 'Install Python 3, or name the interpreter of your environment with --python or precisionBench.python.',
    },
    { cause: failure },
  );
}

function pythonError(file: string, what: string, { text, fix }: ErrorAnswer): CodedError {
  return new CodedError({
    code: 'DATA_PYTHON',
    reason: fix === null ? `${what} failed.\n${text}` : `${file}: ${text}`,
    fix: fix ?? `Correct the data set; relative paths in it start from the folder of ${basename(file)}.`,
    place: { file },
  });
}

function toSample(answer: Answer, index: number): RawSample {
  const { names, label, tensors } = answer.header;
  const values = tensors.map(({ dtype, dims }, at): RawValue => ({
    dtype,
    dims,
    data: typedArray(answer.payloads[at]!, dtype),
  }));
  return {
    id: String(index),
    label: label ?? null,
    values: names ? Object.fromEntries(names.map((name, at) => [name, values[at]!])) : values,
  };
}

/** Labels show only in samples; a broken first one must not decide. */
async function showsLabels(read: (index: number) => Promise<RawSample>, length: number): Promise<boolean> {
  for (let index = 0; index < Math.min(length, 3); index++) {
    const sample = await read(index).catch((error: unknown) => {
      if (error instanceof UnreadableSample) return null;
      throw error;
    });
    if (sample !== null) return sample.label !== null;
  }
  return false;
}

/**
 * @param file absolute path of the script
 * @param expression what follows the colon: a name, or a call with literal arguments; null when there is none
 * @throws CodedError DATA_NOT_FOUND, DATA_PYTHON with the traceback
 */
export async function openPython(
  file: string,
  expression: string | null,
  options: Pick<OpenDatasetOptions, 'python' | 'inputs' | 'signal'>,
): Promise<SampleSource> {
  if ((await stat(file).catch(() => null)) === null) {
    throw new CodedError({
      code: 'DATA_NOT_FOUND',
      reason: `There is no script at ${file}.`,
      fix: 'Check the path before the colon.',
      place: { file },
    });
  }
  const interpreters = options.python === undefined ? ['python3', 'python'] : [options.python];
  const names = JSON.stringify(options.inputs.map(({ name }) => name));
  const args = ['-c', serverScript, file, expression ?? '', names];
  const server = new PythonServer(await startInterpreter(interpreters, args, dirname(file)), file);
  try {
    const { header } = await server.ready(options.signal);
    if (header.error !== undefined) throw pythonError(file, `Loading ${basename(file)}`, header.error);
    const length = header.length ?? 0;
    const read = async (index: number, signal?: AbortSignal): Promise<RawSample> => {
      const answer = await server.get(index, signal);
      const { error } = answer.header;
      if (error === undefined) return toSample(answer, index);
      throw new UnreadableSample(pythonError(file, `${basename(file)}: __getitem__(${index})`, error).toJSON());
    };
    return {
      kind: 'python',
      length,
      labelled: await showsLabels((index) => read(index, options.signal), length),
      classes: header.classes ?? null,
      read,
      // The data behind the class is out of sight: the script, the call and some samples stand for it.
      sha256: async () =>
        hashText(await hashFiles([file], null), expression ?? '', String(length), await hashSamples(read, length)),
      close: () => server.close(),
    };
  } catch (error) {
    await server.close();
    throw error;
  }
}
