/**
 * The plan that the convert panel begins with: a plan file beside the model, else the one last used for it, else sensible
 * defaults with the data that lies beside the model. *Convert* should work at once. Reads folder listings, nothing else.
 */
import { readdir, readFile } from 'node:fs/promises';
import * as path from 'node:path';
import { completePlan, checkPlan } from '../../contract/checkSchema';
import { CodedError } from '../../contract/errors';
import { variantNames, type Plan } from '../../contract/plan';
import { parseObject, planSuffix } from './planText';

export interface ProposedPlan {
  readonly plan: Plan;
  readonly planPath: string | null;
}

export interface ProposalOptions {
  /** The form as it was left, relative to the model's folder; checked before use. */
  readonly lastUsed: unknown;
  /** From the setting, as written. */
  readonly precisions: readonly string[];
}

/** @param model absolute path of the ONNX file */
export async function proposePlan(model: string, options: ProposalOptions): Promise<ProposedPlan> {
  const folder = path.dirname(model);
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const planPath = await planFileOf(
    model,
    entries.map(({ name }) => name),
  );
  if (planPath !== null) return { plan: await readPlan(planPath), planPath };
  const last = checked(options.lastUsed);
  if (last !== null) return { plan: last, planPath: null };
  const calibration = dataNamed(entries, calibrationNames);
  const evaluation = dataNamed(entries, evaluationNames);
  const precisions = variantNames.filter((name) => options.precisions.includes(name));
  const plan = completePlan({
    model: path.basename(model),
    ...(precisions.length === 0 ? {} : { precisions }),
    calibration: { data: calibration },
    evaluation: { data: evaluation },
  });
  return { plan, planPath: null };
}

/** The plan file in the model's folder that is valid and names the model; the one with the model's name first. */
async function planFileOf(model: string, names: readonly string[]): Promise<string | null> {
  const own = `${path.basename(model).replace(/\.onnx$/i, '')}${planSuffix}`;
  const files = names.filter((name) => name.endsWith(planSuffix)).sort();
  for (const name of [...files.filter((file) => file === own), ...files.filter((file) => file !== own)]) {
    const file = path.join(path.dirname(model), name);
    try {
      if (path.resolve(path.dirname(file), (await readPlan(file)).model) === model) return file;
    } catch (error) {
      // One that is being written is no plan yet.
      if (!CodedError.is(error) && (error as NodeJS.ErrnoException).code === undefined) throw error;
    }
  }
  return null;
}

async function readPlan(file: string): Promise<Plan> {
  return checkPlan(parseObject(await readFile(file, 'utf8')), file);
}

function checked(json: unknown): Plan | null {
  if (json === undefined || json === null) return null;
  try {
    return checkPlan(json, 'the last plan');
  } catch (error) {
    // An older version stored it.
    if (CodedError.is(error)) return null;
    throw error;
  }
}

/** Names that people give such folders and files, without extension, the most telling first. */
const calibrationNames = [
  'calibration',
  'calib',
  'calibration_data',
  'calib_data',
  'calibration_images',
  'calib_images',
];
const evaluationNames = ['evaluation', 'eval', 'evaluation_data', 'validation', 'val'];
const dataExtensions = ['.npz', '.npy', '.csv', '.jsonl'];

interface Entry {
  readonly name: string;
  isDirectory(): boolean;
}

function dataNamed(entries: readonly Entry[], names: readonly string[]): string | null {
  for (const wanted of names) {
    const found = entries.find((entry) => {
      const { name, ext } = path.parse(entry.name.toLowerCase());
      return entry.isDirectory()
        ? entry.name.toLowerCase() === wanted
        : name === wanted && dataExtensions.includes(ext);
    });
    if (found !== undefined) return found.name;
  }
  return null;
}
