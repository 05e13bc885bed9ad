/**
 * Finds, among the backends of this process, the one for a job. Which TensorRT a plan's engines are built with is decided
 * earlier, from the probe (`build/chooseEngineBuilder.ts`); here the worker turns that name, or an artifact, into an object.
 */
import { CodedError } from '../contract/errors';
import type { Artifact } from '../contract/report';
import type { Backend } from './backend';

/** A backend that compiles engines. */
export type BuildingBackend = Backend & Required<Pick<Backend, 'build'>>;

/** @throws CodedError BACKEND_UNAVAILABLE when this process has none of that name or it compiles nothing */
export function chooseBuilder(backends: readonly Backend[], name: Backend['name']): BuildingBackend {
  const backend = named(backends, name);
  if (isBuilding(backend)) return backend;
  throw unavailable(`${name} runs models as they are and builds no engines.`, 'Choose a TensorRT with --backend.');
}

/**
 * The backend that runs an artifact: onnxruntime for ONNX files; an engine runs only in the library that built it.
 * @throws CodedError BACKEND_UNAVAILABLE
 */
export function chooseRunner(
  backends: readonly Backend[],
  artifact: Pick<Artifact, 'kind' | 'backend' | 'path'>,
): Backend {
  switch (artifact.kind) {
    case 'onnx':
      return named(backends, 'onnxruntime');
    case 'engine': {
      const backend = backends.find(({ name }) => name === artifact.backend);
      if (backend !== undefined) return backend;
      const builder = artifact.backend ?? 'an unknown backend';
      throw unavailable(
        `The engine ${artifact.path} was built with ${builder}, which is not here.`,
        'Install the same TensorRT, or build the engine again.',
      );
    }
    case 'table':
    case 'cache':
      throw unavailable(`${artifact.path} is calibration data and cannot be run.`, 'Give an ONNX file or an engine.');
    case 'passport':
      throw unavailable(`${artifact.path} only describes an engine.`, 'Give the engine itself.');
  }
}

function named(backends: readonly Backend[], name: Backend['name']): Backend {
  const backend = backends.find((candidate) => candidate.name === name);
  if (backend !== undefined) return backend;
  const known = backends.map((candidate) => candidate.name).join(', ') || 'none';
  throw unavailable(`There is no backend ${name} in this process (there are: ${known}).`, 'Run precision-bench probe.');
}

function isBuilding(backend: Backend): backend is BuildingBackend {
  return backend.build !== undefined;
}

function unavailable(reason: string, fix: string): CodedError {
  return new CodedError({ code: 'BACKEND_UNAVAILABLE', reason, fix });
}
