/**
 * A backend for tests: computes what it is told, takes the time it is told, and fails where it is told. It keeps the
 * promises of `backend.ts` that a real one keeps: files are written aside and renamed, signals are heeded, closed sessions
 * are closed.
 */
import { rename, rm, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { CodedError } from '../contract/errors';
import { cancelled, throwIfCancelled } from '../contract/errors';
import type { RunOptions } from '../contract/progress';
import type { Artifact, BuildSummary } from '../contract/report';
import type { NamedTensors, ValueSpec } from '../contract/tensor';
import type { Backend, BackendInfo, BuildRequest, Session } from './backend';

export type FakeStep = 'probe' | 'build' | 'open' | 'run' | 'close';

export interface FakeBackendOptions {
  /** Errors by step. A step without one succeeds. */
  readonly failures?: Partial<Record<FakeStep, CodedError>>;
  /** Milliseconds that each step takes. */
  readonly delays?: Partial<Record<FakeStep, number>>;
  readonly info?: Partial<BackendInfo>;
  readonly inputs?: readonly ValueSpec[];
  readonly outputs?: readonly ValueSpec[];
  /** What a session computes from its feeds; by default it returns them. */
  readonly compute?: (feeds: NamedTensors, path: string) => NamedTensors;
}

export class FakeBackend implements Backend {
  readonly name = 'fake';
  /** Every step taken, in order, for tests to look at. */
  readonly steps: FakeStep[] = [];
  /** Sessions opened and not closed yet. */
  openSessions = 0;

  constructor(private readonly options: FakeBackendOptions = {}) {}

  async probe(): Promise<BackendInfo> {
    await this.step('probe');
    return {
      name: this.name,
      version: '0',
      library: null,
      available: true,
      reason: null,
      builds: true,
      targets: ['sm_89'],
      runs: true,
      precisions: ['fp32', 'fp16', 'bf16', 'int8'],
      ...this.options.info,
    };
  }

  /** Writes a small JSON file in place of an engine. */
  async build(request: BuildRequest, { signal, onProgress }: RunOptions): Promise<BuildSummary> {
    const start = Date.now();
    const aside = `${request.engine}.tmp`;
    const { precision: variant, onnx, target } = request;
    try {
      await writeFile(aside, JSON.stringify({ onnx, precision: variant, target }));
      onProgress?.({ stage: 'build', variant, fraction: 0.5, etaSeconds: null, message: 'Half built' });
      await this.step('build', signal);
      await rename(aside, request.engine);
    } finally {
      await rm(aside, { force: true });
    }
    const seconds = (Date.now() - start) / 1000;
    return { backend: this.name, version: '0', target, seconds, layers: null, realised: null };
  }

  async open(artifact: Pick<Artifact, 'kind' | 'path'>): Promise<Session> {
    await this.step('open');
    this.openSessions++;
    let isOpen = true;
    const { inputs = [], outputs = [], compute = (feeds: NamedTensors) => feeds } = this.options;
    return {
      inputs,
      outputs,
      run: async (feeds, fetches) => {
        if (!isOpen) throw new Error(`The session of ${artifact.path} is closed.`);
        await this.step('run');
        const results = compute(feeds, artifact.path);
        return Object.fromEntries(Object.entries(results).filter(([name]) => fetches?.includes(name) ?? true));
      },
      close: async () => {
        if (!isOpen) return;
        isOpen = false;
        this.openSessions--;
        await this.step('close');
      },
    };
  }

  private async step(step: FakeStep, signal?: AbortSignal): Promise<void> {
    this.steps.push(step);
    throwIfCancelled(signal);
    const ms = this.options.delays?.[step] ?? 0;
    if (ms > 0) {
      await delay(ms, undefined, signal === undefined ? {} : { signal }).catch(() => {
        throw cancelled();
      });
    }
    const failure = this.options.failures?.[step];
    if (failure !== undefined) throw failure;
  }
}
