/**
 * Options as typed → values. What is malformed is a USAGE error that names the option; what is well formed but makes no
 * sense in a plan is found by the plan's schema.
 */
import {
  calibrationAlgorithms,
  ioFormats,
  variantNames,
  type CalibrationAlgorithm,
  type Plan,
  type VariantName,
} from '../contract/plan';
import { nearestName } from '../contract/nearestName';
import { usageError, type ParsedArguments } from './arguments';

export interface AlgorithmChoice {
  readonly algorithm: CalibrationAlgorithm;
  /** The calibrator of TensorRT that the word means, where the word was one of TensorRT's. */
  readonly tensorrtCalibrator: Plan['calibration']['tensorrtCalibrator'];
}

/** TensorRT's `CalibrationAlgoType` names as torch2trt users type them. */
const torch2trtAlgorithms: Readonly<Record<string, AlgorithmChoice>> = {
  LEGACY_CALIBRATION: { algorithm: 'legacy', tensorrtCalibrator: 'legacy' },
  ENTROPY_CALIBRATION: { algorithm: 'entropy', tensorrtCalibrator: 'entropy' },
  ENTROPY_CALIBRATION_2: { algorithm: 'entropy', tensorrtCalibrator: 'entropy2' },
  MINMAX_CALIBRATION: { algorithm: 'minmax', tensorrtCalibrator: 'minmax' },
};

/** `--precisions`, `--fp16-mode` and `--int8-mode` together, the baseline first; undefined when none is given. */
export function parsePrecisions(args: ParsedArguments): VariantName[] | undefined {
  const named =
    args
      .text('precisions')
      ?.split(',')
      .map((name) => name.trim().toLowerCase()) ?? [];
  for (const name of named) {
    if ((variantNames as readonly string[]).includes(name)) continue;
    const nearest = nearestName(name, variantNames);
    throw usageError(
      `--precisions: ${JSON.stringify(name)} is none of ${variantNames.join(', ')}${nearest === null ? '' : `; did you mean ${nearest}?`}`,
      args.command,
    );
  }
  if (args.flag('fp16-mode')) named.push('fp16');
  if (args.flag('int8-mode')) named.push('int8');
  if (named.length === 0) return undefined;
  return variantNames.filter((name) => name === 'fp32' || named.includes(name));
}

/** `--calib-algorithm`, or torch2trt's `--int8-calib-algorithm` with or without its `trt.CalibrationAlgoType.`. */
export function parseAlgorithm(args: ParsedArguments): AlgorithmChoice | undefined {
  const given = args.text('calib-algorithm') ?? args.text('int8-calib-algorithm');
  if (given === undefined) return undefined;
  const old = torch2trtAlgorithms[given.replace(/^.*\./, '').toUpperCase()];
  if (old !== undefined) return old;
  const known = calibrationAlgorithms.find((name) => name === given.toLowerCase());
  if (known !== undefined) return { algorithm: known, tensorrtCalibrator: null };
  const names = [...calibrationAlgorithms, ...Object.keys(torch2trtAlgorithms)];
  const nearest = nearestName(given, names);
  throw usageError(
    `--calib-algorithm: ${JSON.stringify(given)} is unknown${nearest === null ? '' : `; did you mean ${nearest}?`}`,
    args.command,
  );
}

/** `90s`, `10m`, `1.5h` in milliseconds; null when not given. @throws CodedError USAGE */
export function parseTimeBudget(args: ParsedArguments): number | null {
  const text = args.text('time-budget');
  if (text === undefined) return null;
  const match = /^(\d+(?:\.\d+)?)(s|m|h)$/.exec(text);
  const unit = { s: 1, m: 60, h: 3600 }[match?.[2] ?? ''];
  if (match === null || unit === undefined) {
    throw usageError(`--time-budget: ${JSON.stringify(text)} is not a time such as 90s, 10m or 1.5h.`, args.command);
  }
  return Number(match[1]) * unit * 1000;
}

export interface BindingChoice {
  readonly name: string;
  /** Absent where only layouts were given. */
  readonly type?: string;
  readonly formats?: readonly string[];
}

/** `--io NAME=TYPE`, `--io NAME=TYPE:FORMAT+FORMAT` or `--io NAME=:FORMAT`, trtexec's words after the name. */
export function parseBindings(args: ParsedArguments): BindingChoice[] {
  return args.all('io').map((text) => {
    const [name, value] = splitLast(args, 'io', text, 'NAME=TYPE:FORMAT');
    const [type = '', layouts, ...rest] = value.split(':');
    if (rest.length > 0 || layouts === '') {
      throw usageError(`--io: ${JSON.stringify(text)} is not of the form NAME=TYPE:FORMAT+FORMAT.`, args.command);
    }
    const formats = layouts?.split('+').map((format) => ioFormat(args, format));
    return { name, ...(type === '' ? {} : { type }), ...(formats === undefined ? {} : { formats }) };
  });
}

/** trtexec writes `dla_linear` for `dlaLinear`. */
function ioFormat(args: ParsedArguments, text: string): string {
  const word = text.toLowerCase().replaceAll('_', '');
  const known = ioFormats.find((format) => format.toLowerCase() === word);
  if (known !== undefined) return known;
  const nearest = nearestName(word, ioFormats);
  const hint = nearest === null ? `known are ${ioFormats.join(', ')}` : `did you mean ${nearest}?`;
  throw usageError(`--io: ${JSON.stringify(text)} is no memory layout; ${hint}`, args.command);
}

/** `--keep MATCH=TYPE` */
export function parseKeep(args: ParsedArguments): { match: string; precision: string }[] {
  return args.all('keep').map((text) => {
    const [match, precision] = splitLast(args, 'keep', text, 'MATCH=TYPE');
    return { match: match.replace(/^OP=/, 'OP:'), precision };
  });
}

type ShapeProfiles = Plan['shapes'];

/**
 * `--shape NAME=MIN:OPT:MAX`; one shape stands for all three, two for MIN and the others. An input named again gets its
 * shapes in the next profile.
 */
export function parseShapes(args: ParsedArguments): ShapeProfiles[] {
  const profiles: ShapeProfiles[] = [];
  for (const [name, profile] of parseProfiles(args, 'shape')) {
    const open = profiles.find((shapes) => !(name in shapes));
    if (open === undefined) profiles.push({ [name]: profile });
    else open[name] = profile;
  }
  return profiles;
}

/** `--shape-values NAME=MIN:OPT:MAX`: values, parted by `x`, of an input that holds a shape. */
export function parseShapeValues(args: ParsedArguments): ShapeProfiles {
  return Object.fromEntries(parseProfiles(args, 'shape-values'));
}

function parseProfiles(args: ParsedArguments, option: string): [name: string, profile: ShapeProfiles[string]][] {
  const form = 'NAME=MIN:OPT:MAX';
  return args.all(option).map((text) => {
    const [name, profile] = splitLast(args, option, text, form);
    const shapes = profile.split(':');
    const malformed = shapes.find((shape) => !/^\d+(x\d+)*$/.test(shape));
    if (malformed !== undefined || shapes.length > 3) {
      const what = malformed === undefined ? '' : `; ${JSON.stringify(malformed)} is no shape such as 1x3x224x224`;
      throw usageError(`--${option}: ${JSON.stringify(text)} is not of the form ${form}${what}.`, args.command);
    }
    const [min = [], opt = min, max = opt] = shapes.map((shape) => shape.split('x').map(Number));
    return [name, { min, opt, max }];
  });
}

/** `on` or `off`; undefined when not given. @throws CodedError USAGE */
export function parseSwitch(args: ParsedArguments, option: string): boolean | undefined {
  const text = args.text(option);
  if (text === undefined) return undefined;
  if (text === 'on' || text === 'off') return text === 'on';
  throw usageError(`--${option}: ${JSON.stringify(text)} is neither on nor off.`, args.command);
}

/** Splits at the last `=`, since node and tensor names may hold it too. */
function splitLast(args: ParsedArguments, option: string, text: string, form: string): [string, string] {
  const at = text.lastIndexOf('=');
  if (at <= 0 || at === text.length - 1) {
    throw usageError(`--${option}: ${JSON.stringify(text)} is not of the form ${form}.`, args.command);
  }
  return [text.slice(0, at), text.slice(at + 1)];
}
