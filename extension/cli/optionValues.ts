/**
 * Options as typed → values. What is malformed is a USAGE error that names the option; what is well formed but makes no
 * sense in a plan is found by the plan's schema.
 */
import { calibrationAlgorithms, precisions, type CalibrationAlgorithm, type Plan } from '../contract/plan';
import { nearestName } from '../contract/nearestName';
import { usageError, type ParsedArguments } from './arguments';

/** TensorRT's `CalibrationAlgoType` names as torch2trt users type them. */
const torch2trtAlgorithms: Readonly<Record<string, CalibrationAlgorithm>> = {
  LEGACY_CALIBRATION: 'legacy',
  ENTROPY_CALIBRATION: 'entropy',
  ENTROPY_CALIBRATION_2: 'entropy',
  MINMAX_CALIBRATION: 'minmax',
};

/** `--precisions`, `--fp16-mode` and `--int8-mode` together, the baseline first; undefined when none is given. */
export function parsePrecisions(args: ParsedArguments): string[] | undefined {
  const named =
    args
      .text('precisions')
      ?.split(',')
      .map((name) => name.trim().toLowerCase()) ?? [];
  for (const name of named) {
    if ((precisions as readonly string[]).includes(name)) continue;
    const nearest = nearestName(name, precisions);
    throw usageError(
      `--precisions: ${JSON.stringify(name)} is none of ${precisions.join(', ')}${nearest === null ? '' : `; did you mean ${nearest}?`}`,
      args.command,
    );
  }
  if (args.flag('fp16-mode')) named.push('fp16');
  if (args.flag('int8-mode')) named.push('int8');
  if (named.length === 0) return undefined;
  return precisions.filter((precision) => precision === 'fp32' || named.includes(precision));
}

/** `--calib-algorithm`, or torch2trt's `--int8-calib-algorithm` with or without its `trt.CalibrationAlgoType.`. */
export function parseAlgorithm(args: ParsedArguments): CalibrationAlgorithm | undefined {
  const given = args.text('calib-algorithm') ?? args.text('int8-calib-algorithm');
  if (given === undefined) return undefined;
  const old = torch2trtAlgorithms[given.replace(/^.*\./, '').toUpperCase()];
  if (old !== undefined) return old;
  const known = calibrationAlgorithms.find((name) => name === given.toLowerCase());
  if (known !== undefined) return known;
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

/** `--io NAME=TYPE` */
export function parseBindings(args: ParsedArguments): [name: string, type: string][] {
  return args.all('io').map((text) => splitLast(args, 'io', text, 'NAME=TYPE'));
}

/** `--keep MATCH=TYPE` */
export function parseKeep(args: ParsedArguments): { match: string; precision: string }[] {
  return args.all('keep').map((text) => {
    const [match, precision] = splitLast(args, 'keep', text, 'MATCH=TYPE');
    return { match: match.replace(/^OP=/, 'OP:'), precision };
  });
}

/** `--shape NAME=MIN:OPT:MAX`; one shape stands for all three, two for MIN and the others. */
export function parseShapes(args: ParsedArguments): [name: string, profile: Plan['shapes'][string]][] {
  const form = 'NAME=MIN:OPT:MAX';
  return args.all('shape').map((text) => {
    const [name, profile] = splitLast(args, 'shape', text, form);
    const shapes = profile.split(':');
    const malformed = shapes.find((shape) => !/^\d+(x\d+)*$/.test(shape));
    if (malformed !== undefined || shapes.length > 3) {
      const what = malformed === undefined ? '' : `; ${JSON.stringify(malformed)} is no shape such as 1x3x224x224`;
      throw usageError(`--shape: ${JSON.stringify(text)} is not of the form ${form}${what}.`, args.command);
    }
    const [min = [], opt = min, max = opt] = shapes.map((shape) => shape.split('x').map(Number));
    return [name, { min, opt, max }];
  });
}

/** Splits at the last `=`, since node and tensor names may hold it too. */
function splitLast(args: ParsedArguments, option: string, text: string, form: string): [string, string] {
  const at = text.lastIndexOf('=');
  if (at <= 0 || at === text.length - 1) {
    throw usageError(`--${option}: ${JSON.stringify(text)} is not of the form ${form}.`, args.command);
  }
  return [text.slice(0, at), text.slice(at + 1)];
}
