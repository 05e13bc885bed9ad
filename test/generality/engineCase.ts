/** Builds one rewritten graph with TensorRT-RTX for sm_89, which needs no GPU, and says what the builder thinks of it. */
import { completePlan } from '../../extension/contract/checkSchema';
import { rm } from 'node:fs/promises';
import { tensorrtBackend } from '../../extension/backends/tensorrt';
import { CodedError } from '../../extension/contract/errors';
import type { Plan, Precision } from '../../extension/contract/plan';
import { loadModel } from '../../extension/model/loadModel';
import { graphInputs } from '../../extension/model/modelCard';

export interface EngineRequest {
  readonly kind: 'engine';
  readonly name: string;
  readonly file: string;
  readonly precision: Precision;
  /** Sizes of the case's inputs. */
  readonly dims: Readonly<Record<string, readonly number[]>>;
}

export interface EngineOutcome {
  readonly name: string;
  readonly status: 'accepted' | 'refused' | 'failed';
  readonly reason: string | null;
  readonly seconds: number;
}

const backend = tensorrtBackend('tensorrt-rtx');

/** The quickest search for kernels: what is refused does not depend on it. */
const builder: Plan['builder'] = { ...completePlan({ model: '' }).builder, optimizationLevel: 0 };

export async function engineCase({ name, file, precision, dims }: EngineRequest): Promise<EngineOutcome> {
  const started = performance.now();
  const engine = `${file}.engine`;
  const outcome = (status: EngineOutcome['status'], reason: string | null) => ({
    name,
    status,
    reason,
    seconds: (performance.now() - started) / 1000,
  });
  try {
    const model = await loadModel(file);
    const shapes = Object.fromEntries(
      graphInputs(model).flatMap((input) => {
        const fixed = input.shape?.every((size) => typeof size === 'number' && size >= 0) ?? false;
        const sizes = [...(dims[input.name] ?? [])];
        return fixed ? [] : [[input.name, { min: sizes, opt: sizes, max: sizes }]];
      }),
    );
    await backend.build({ onnx: file, precision, engine, target: 'sm_89', builder, shapes }, {});
    return outcome('accepted', null);
  } catch (error) {
    if (
      CodedError.is(error, 'ENGINE_PARSE') ||
      CodedError.is(error, 'ENGINE_BUILD') ||
      CodedError.is(error, 'PLAN_INVALID')
    ) {
      return outcome('refused', `${error.code}: ${error.reason.replaceAll(file, 'the model')}`);
    }
    return outcome('failed', error instanceof Error ? (error.stack ?? error.message) : String(error));
  } finally {
    await rm(engine, { force: true });
  }
}
