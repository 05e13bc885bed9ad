/** What is known of an engine file without opening it: its size and hash, its passport, the report it belongs to. No editor needed. */
import { open, readFile, stat } from 'node:fs/promises';
import * as path from 'node:path';
import {
  comparePassport,
  enginePassportSchema,
  passportPath,
  type EngineMachine,
  type EnginePassport,
  type PassportDifference as Difference,
} from '../../contract/enginePassport';
import { CodedError } from '../../contract/errors';
import type { Machine } from '../../contract/panels/convertPanel';
import type { EngineContents, EngineFit } from '../../contract/panels/engineViewer';
import type { Report } from '../../contract/report';
import { schemaFault } from '../../contract/schemaFault';
import { describeFile } from '../../files/describeFile';
import { readReport } from '../../report/readReport';
import { t } from '../l10n';

/** @throws CodedError ENGINE_… never: what is missing is null, what is wrong is the `warning` */
export async function readEngine(file: string): Promise<EngineContents> {
  const { bytes, sha256 } = await describeFile(file);
  const { passport, warning } = await readPassport(file, sha256);
  const onnx = passport === null ? null : path.resolve(path.dirname(file), passport.model.file);
  const found = await reportOf(file);
  return {
    path: file,
    bytes,
    sha256,
    passport,
    warning,
    report: found?.path ?? null,
    onnx: onnx !== null && (await stat(onnx).catch(() => null)) !== null ? onnx : null,
  };
}

async function readPassport(file: string, sha256: string): Promise<Pick<EngineContents, 'passport' | 'warning'>> {
  const text = await readFile(passportPath(file), 'utf8').catch(() => null);
  if (text === null) return { passport: null, warning: null };
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { passport: null, warning: t('The passport beside the engine is not JSON.') };
  }
  const fault = schemaFault(enginePassportSchema, json);
  if (fault !== null) {
    const place = fault.path.join('.');
    return {
      passport: null,
      warning: t('The passport is of another version of Precision Bench ({0} {1}).', place, fault.message),
    };
  }
  const passport = json as EnginePassport;
  const isOfThis = passport.engine.sha256 === sha256;
  return {
    passport,
    warning: isOfThis ? null : t('The passport belongs to another file: the engine was replaced since.'),
  };
}

/** The report.json in the engine's folder that names it, with the engine's variant. */
export async function reportOf(file: string): Promise<{ path: string; report: Report } | null> {
  const candidate = path.join(path.dirname(file), 'report.json');
  try {
    const report = await readReport(candidate);
    const named = report.variants.some(({ artifacts }) =>
      artifacts.some((artifact) => path.resolve(path.dirname(candidate), artifact.path) === file),
    );
    return named ? { path: candidate, report } : null;
  } catch (error) {
    if (CodedError.is(error)) return null;
    throw error;
  }
}

/** Does the engine run on this machine? */
export function fitOf(passport: EnginePassport | null, { backends, host }: Machine): EngineFit {
  if (passport === null) {
    return {
      differences: [],
      runsHere: null,
      reason: t('Without a passport it cannot be told where the engine runs.'),
    };
  }
  const backend = backends.find(({ name }) => name === passport.tensorrt.backend);
  const here: EngineMachine = {
    backend: passport.tensorrt.backend,
    version: backend?.available === true ? backend.version : null,
    gpu: gpuOf(host.gpu),
  };
  const found = comparePassport(passport, here);
  const differences = found.map(({ what, engine, here: own, blocks }) => ({
    field: fieldTitle(what),
    engine,
    here: own === 'none' ? t('none') : own,
    matters: blocks,
  }));
  const blocking = differences.filter(({ matters }) => matters);
  if (blocking.length === 0) return { differences, runsHere: true, reason: t('It runs on this machine.') };
  const fields = blocking.map(({ field, engine, here: own }) => t('{0}: needs {1}, here {2}', field, engine, own));
  return { differences, runsHere: false, reason: t('It does not run on this machine. {0}.', fields.join('; ')) };
}

function gpuOf(gpu: Machine['host']['gpu']): EngineMachine['gpu'] {
  if (gpu === null) return null;
  const target = `sm_${gpu.computeCapability.replace(/^sm_/, '').replace('.', '')}`;
  return { name: gpu.name, computeCapability: target, driver: gpu.driver ?? '', memoryBytes: gpu.memoryBytes ?? 0 };
}

function fieldTitle(what: Difference['what']): string {
  switch (what) {
    case 'backend':
      return t('Backend');
    case 'version':
      return t('TensorRT version');
    case 'gpu':
      return t('GPU');
    case 'computeCapability':
      return t('GPU architecture');
    case 'driver':
      return t('Driver');
  }
}

/** A `.plan` of another tool may be a text: one without a NUL byte in its beginning is shown as such. */
export async function looksLikeText(file: string): Promise<boolean> {
  const handle = await open(file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4096), 0, 4096, 0);
    return bytesRead > 0 && !buffer.subarray(0, bytesRead).includes(0);
  } finally {
    await handle.close();
  }
}
