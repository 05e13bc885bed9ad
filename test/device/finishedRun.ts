/**
 * A conversion that `onDevice.sh` has finished, opened again by the scripts that ask more of its engines: their latency beside
 * those of another run, their second build, other tools' files beside them. All work is done by the product's own stages in a
 * worker process of its own.
 */
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { chooseEngineBuilder } from '../../extension/build/chooseEngineBuilder';
import { variantRecipes } from '../../extension/build/variantRecipes';
import { passportPath, type EnginePassport } from '../../extension/contract/enginePassport';
import type { WorkerMethods } from '../../extension/contract/messages';
import type { Artifact, Report, Variant } from '../../extension/contract/report';
import type { VariantFile, VariantRecipe } from '../../extension/contract/stageMethods';
import { WorkerClient } from '../../extension/worker/workerClient';

export class FinishedRun {
  readonly report: Report;

  constructor(readonly folder: string) {
    this.report = JSON.parse(readFileSync(path.join(folder, 'report.json'), 'utf8')) as Report;
  }

  get model(): string {
    return path.resolve(this.report.plan.model);
  }

  /** Absolute path of a variant's file, or null where it has none. */
  file(variant: Variant, kind: Artifact['kind']): string | null {
    const found = variant.artifacts.find((artifact) => artifact.kind === kind);
    return found === undefined ? null : path.join(this.folder, found.path);
  }

  /** Variants that have an engine, by the names that `measured` gives them. */
  engines(measured: (variant: Variant) => string | null): VariantFile[] {
    return this.report.variants.flatMap((variant) => {
      const [name, engine, onnx] = [measured(variant), this.file(variant, 'engine'), this.file(variant, 'onnx')];
      if (name === null || engine === null || onnx === null) return [];
      return [{ name, path: onnx, simulated: false, engine: { backend: 'tensorrt', path: engine } }];
    });
  }

  /** The sizes of one sample: the least that the engines take is a batch of one as the data have it. */
  sampleDims(): Record<string, number[]> {
    const [variant] = this.report.variants.filter((candidate) => this.file(candidate, 'engine') !== null);
    const engine = variant === undefined ? null : this.file(variant, 'engine');
    if (engine === null) throw new Error(`${this.folder} has no engine.`);
    const passport = JSON.parse(readFileSync(passportPath(engine), 'utf8')) as EnginePassport;
    const sizes = (passport.profiles[0] ?? []).filter(({ holds }) => holds === 'sizes');
    return Object.fromEntries(sizes.map(({ input, min }) => [input, [...min]]));
  }
}

/** Asks the worker that lies beside the bundle, and ends it. */
export class Stages {
  private readonly worker = new WorkerClient({ entry: path.join(__dirname, 'worker.cjs') });

  static async with<T>(work: (stages: Stages) => Promise<T>): Promise<T> {
    const stages = new Stages();
    try {
      return await work(stages);
    } finally {
      await stages.worker.dispose();
    }
  }

  ask<K extends keyof WorkerMethods>(
    method: K,
    params: WorkerMethods[K]['params'],
  ): Promise<WorkerMethods[K]['result']> {
    return this.worker.request(method, params);
  }

  /** The data of a run, chosen as it chose them. */
  data({ report, model }: FinishedRun): Promise<WorkerMethods['selectData']['result']> {
    return this.ask('selectData', { model, plan: report.plan, baseDir: process.cwd(), python: 'python3' });
  }

  /** How each variant of a run is made on this machine. */
  async recipes({ report: { plan } }: FinishedRun): Promise<VariantRecipe[]> {
    const { backends } = await this.ask('probe', { fresh: false });
    return variantRecipes(plan, chooseEngineBuilder(plan, backends));
  }
}
