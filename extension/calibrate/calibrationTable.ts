/**
 * The calibration table as a file: JSON, one line per tensor, keyed by hashes of everything it depends on.
 *
 * Written after `calibrateTensors.ts`; read instead of calibrating when its key matches. Each mismatch is named, so that a user
 * knows why a table was refused.
 */
import { readFile } from 'node:fs/promises';
import { Type } from '@sinclair/typebox';
import type { CalibrationKey, CalibrationTable } from '../contract/calibrationTable';
import { CodedError } from '../contract/errors';
import { calibrationAlgorithms } from '../contract/plan';
import { matchesSchema, schemaFault } from '../contract/schemaFault';
import { writeAtomically } from '../files/writeAtomically';

const nullableString = Type.Union([Type.String(), Type.Null()]);
const nullableNumber = Type.Union([Type.Number(), Type.Null()]);
const positive = Type.Number({ exclusiveMinimum: 0 });

const entrySchema = Type.Object(
  {
    min: Type.Number(),
    max: Type.Number(),
    threshold: positive,
    scale: positive,
    algorithm: Type.Union(calibrationAlgorithms.filter((name) => name !== 'auto').map((name) => Type.Literal(name))),
    sqnrDb: nullableNumber,
    unfit: nullableString,
  },
  { additionalProperties: false },
);

const fitSchema = Type.Object(
  { offsets: Type.Array(Type.Number()), gains: Type.Array(positive) },
  { additionalProperties: false },
);

const tableSchema = Type.Object(
  {
    schemaVersion: Type.Literal(1),
    key: Type.Object(
      {
        model: Type.String(),
        data: Type.String(),
        preprocess: Type.String(),
        samples: Type.Integer({ minimum: 0 }),
        algorithm: Type.Union(calibrationAlgorithms.map((name) => Type.Literal(name))),
        percentile: nullableNumber,
        cutoff: Type.Optional(nullableNumber),
        biasCorrection: Type.Optional(Type.Boolean()),
        equalization: Type.Optional(Type.Boolean()),
        guardShare: Type.Optional(Type.Number()),
      },
      { additionalProperties: false },
    ),
    representative: Type.Boolean(),
    tensors: Type.Record(Type.String(), entrySchema),
    excluded: Type.Optional(Type.Record(Type.String(), Type.String())),
    equalization: Type.Optional(Type.Record(Type.String(), Type.Array(Type.Number({ exclusiveMinimum: 0 })))),
    fits: Type.Optional(Type.Record(Type.String(), fitSchema)),
    guarded: Type.Optional(Type.Record(Type.String(), Type.String())),
    biasCorrections: Type.Optional(Type.Record(Type.String(), Type.Array(Type.Number()))),
  },
  { additionalProperties: false },
);

/** @throws CodedError OUTPUT_UNWRITABLE */
export async function writeCalibrationTable(table: CalibrationTable, path: string): Promise<void> {
  await writeAtomically(path, formatCalibrationTable(table));
}

/** The text of a table: one line per tensor, so that two tables can be compared line by line. */
export function formatCalibrationTable(table: CalibrationTable): string {
  const { tensors, excluded, equalization, fits, guarded, biasCorrections, ...head } = table;
  const fields = Object.entries(head).map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)}`);
  fields.push(`  "tensors": ${linePerMember(tensors)}`);
  if (excluded !== undefined) fields.push(`  "excluded": ${linePerMember(excluded)}`);
  if (equalization !== undefined) fields.push(`  "equalization": ${linePerMember(equalization)}`);
  if (fits !== undefined) fields.push(`  "fits": ${linePerMember(fits)}`);
  if (guarded !== undefined) fields.push(`  "guarded": ${linePerMember(guarded)}`);
  if (biasCorrections !== undefined) fields.push(`  "biasCorrections": ${linePerMember(biasCorrections)}`);
  return `{\n${fields.join(',\n')}\n}\n`;
}

function linePerMember(members: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries(members).map(([name, value]) => `    ${JSON.stringify(name)}: ${JSON.stringify(value)}`);
  return lines.length === 0 ? '{}' : `{\n${lines.join(',\n')}\n  }`;
}

/**
 * @throws CodedError CALIBRATION_TABLE_MISMATCH when the file cannot be read or is not a table; the reason names the field
 */
export async function readCalibrationTable(path: string): Promise<CalibrationTable> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw unusable(path, `cannot be read: ${messageOf(error)}`, undefined, error);
  }
  if (matchesSchema(tableSchema, json)) return json;
  const fault = schemaFault(tableSchema, json);
  throw unusable(path, `is not a calibration table: ${fault?.message ?? ''}`, fault?.path.join('/'));
}

/** What a key field is called in a message. */
const keyNames: Readonly<Record<keyof CalibrationKey, string>> = {
  model: 'the model (SHA-256)',
  data: 'the data (SHA-256)',
  preprocess: 'the preprocessing',
  samples: 'the number of samples',
  algorithm: 'the algorithm',
  percentile: 'the percentile',
  cutoff: 'the regression cutoff',
  biasCorrection: 'bias correction',
  equalization: 'equalization',
  guardShare: 'the share of the accuracy guard',
};

/**
 * Whether a saved table may stand in for calibrating again.
 * @throws CodedError CALIBRATION_TABLE_MISMATCH that names each part of the key that differs
 */
export function checkCalibrationTable(table: CalibrationTable, key: CalibrationKey, path: string): void {
  const mismatches = (Object.keys(keyNames) as (keyof CalibrationKey)[])
    .filter((field) => comparable(table.key[field]) !== comparable(key[field]))
    .map((field) => `${keyNames[field]} is ${show(key[field])}, in the table ${show(table.key[field])}`);
  if (mismatches.length === 0) return;
  throw unusable(path, `was made for something else: ${mismatches.join('; ')}`);
}

/** Parts that a table may leave out: null, and false for a switch, say the same as their absence. */
function comparable(value: CalibrationKey[keyof CalibrationKey]): string | number | true | null {
  return value === undefined || value === false || value === 0 ? null : value;
}

function show(value: string | number | boolean | null | undefined): string {
  if (typeof value !== 'string') return String(value ?? 'none');
  return /^[0-9a-f]{40,}$/.test(value) ? value.slice(0, 12) : value;
}

function unusable(path: string, reason: string, field?: string, cause?: unknown): CodedError {
  return new CodedError(
    {
      code: 'CALIBRATION_TABLE_MISMATCH',
      reason: `The calibration table ${path} ${reason}.`,
      fix: 'Calibrate again (leave --calib-table out), or give the table that belongs to this model, data and algorithm.',
      place: { file: path, ...(field === undefined ? {} : { field }) },
    },
    { cause },
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
