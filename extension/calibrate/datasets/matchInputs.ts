/**
 * Fits what a source yields to the graph inputs: by name or order, batch axis added, layout and type adapted.
 *
 * Comes after the transforms; `batches` puts the results together. Refusals name what was found and what is wanted.
 */
import { CodedError } from '../../contract/errors';
import { elementCount, type NamedTensors, type Tensor, type ValueSpec } from '../../contract/tensor';
import { asImageInput, findImageInput, staticSize } from '../transforms/imageInput';
import { isImage, type Pixels } from '../transforms/pixels';
import { toLayout } from '../transforms/values';
import { castTensor } from './castTensor';

/** A stored tensor, or a picture that went through the transforms. */
export type MatchedValue = Tensor | Pixels;
export type MatchedValues = Readonly<Record<string, MatchedValue>> | readonly MatchedValue[];

const isPixels = (value: MatchedValue): value is Pixels => 'layout' in value;

/** `fp32 [1, 3, 224, 224]` */
function describeTensor(tensor: Tensor): string {
  return `${tensor.dtype} [${tensor.dims.join(', ')}]`;
}

export function describeInput({ name, dtype, shape }: ValueSpec): string {
  return `${name}: ${dtype} ${shape === null ? 'of any shape' : `[${shape.map((size) => size ?? '?').join(', ')}]`}`;
}

function mismatch(id: string, found: string, inputs: readonly ValueSpec[], fix: string, field?: string): CodedError {
  return new CodedError({
    code: 'DATA_MISMATCH',
    reason: `Sample ${id} has ${found}, but the model wants ${inputs.map(describeInput).join('; ')}.`,
    fix,
    ...(field === undefined ? {} : { place: { field } }),
  });
}

/** Do sizes agree, where the model fixes them? */
function fitsShape(dims: readonly number[], shape: readonly (number | string | null)[]): boolean {
  return dims.length === shape.length && dims.every((size, axis) => [null, size].includes(staticSize(shape[axis])));
}

/**
 * The dims that make the tensor fit: as it is, with a batch axis of 1 in front, without an axis of 1 too many (a list
 * around one array), or a flat array in the input's shape. Null when nothing fits.
 */
function fittingDims(dims: readonly number[], shape: ValueSpec['shape']): readonly number[] | null {
  if (shape === null || fitsShape(dims, shape)) return dims;
  // A model with a fixed batch takes one sample as well: `batches` fills the rest.
  const oneRow = [null, ...shape.slice(1)];
  const sizes = shape.slice(1).map(staticSize);
  const known = sizes.every((size) => size !== null);
  const candidates = [
    ...(dims[0] === 1 ? [dims] : []),
    [1, ...dims],
    ...(dims[0] === 1 && dims.length === shape.length + 1 ? [dims.slice(1)] : []),
    ...(known && dims.length === 1 && elementCount(sizes) === dims[0] ? [[1, ...sizes]] : []),
  ];
  return candidates.find((candidate) => shape.length > 0 && fitsShape(candidate, oneRow)) ?? null;
}

/** A picture as the tensor of an input: 8-bit ones (no toTensor step) in the input's layout, floats as the steps left them. */
function tensorOfPixels(pixels: Pixels, input: ValueSpec): Tensor {
  const wanted = asImageInput(input)?.layout === 'nhwc' ? 'hwc' : 'chw';
  const laid = isImage(pixels) ? toLayout(pixels, wanted) : pixels;
  const { height, width, channels, data } = laid;
  const dims = laid.layout === 'hwc' ? [height, width, channels] : [channels, height, width];
  const dtype = data instanceof Uint8Array ? 'uint8' : 'fp32';
  if (input.shape !== null && fittingDims(dims, input.shape) === null) {
    // Pictures flattened to a vector, or gray ones without a channel axis.
    const sizes = input.shape.slice(1).map(staticSize);
    const flat = sizes.every((size) => size !== null) && elementCount(sizes) === data.length;
    const gray = channels === 1 && fittingDims([height, width], input.shape) !== null;
    if (flat && (channels === 1 || sizes.length === 1)) return { dtype, dims: sizes, data };
    if (gray) return { dtype, dims: [height, width], data };
  }
  return { dtype, dims, data };
}

function sizeHint(tensor: Tensor, input: ValueSpec, fromPicture: boolean): string {
  if (!fromPicture) {
    return `Give arrays of the shape [${input.shape?.map((size) => size ?? '?').join(', ') ?? ''}], with or without the first axis.`;
  }
  const wanted = asImageInput(input);
  const [first, ...rest] = tensor.dims;
  const chw = wanted?.layout !== 'nhwc';
  if (wanted !== null && chw && rest.at(-1) === wanted.channels && first !== wanted.channels) {
    return 'Remove the step nhwc: the model wants channels first.';
  }
  if (wanted !== null && !chw && first === wanted.channels && rest.at(-1) !== wanted.channels) {
    return 'Add the step {"op": "nhwc"} at the end: the model wants channels last.';
  }
  const size = wanted?.height && wanted.width ? ` to ${wanted.height}×${wanted.width}` : '';
  return `Bring pictures${size} with --preprocess: a preset such as imagenet, or a file with a resize step.`;
}

function fit(value: MatchedValue, input: ValueSpec, id: string): Tensor {
  const tensor = isPixels(value) ? tensorOfPixels(value, input) : value;
  const dims = fittingDims(tensor.dims, input.shape);
  if (dims === null) {
    const found = `${isPixels(value) ? 'a picture that becomes ' : ''}${describeTensor(tensor)}`;
    throw mismatch(
      id,
      `${found} for the input ${input.name}`,
      [input],
      sizeHint(tensor, input, isPixels(value)),
      input.name,
    );
  }
  const cast = castTensor(tensor, input.dtype);
  if (typeof cast === 'string') {
    const found = `${describeTensor(tensor)} for the input ${input.name} (${cast})`;
    throw mismatch(id, found, [input], `Convert the data to ${input.dtype}.`, input.name);
  }
  return { ...cast, dims };
}

/** Pairs values with inputs: names that match, else order; one picture goes to the input that takes pictures. */
function pair(values: MatchedValues, inputs: readonly ValueSpec[], id: string): [ValueSpec, MatchedValue][] {
  const named = Array.isArray(values) ? [] : Object.keys(values);
  const byName = values as Readonly<Record<string, MatchedValue>>;
  if (inputs.length > 0 && inputs.every(({ name }) => named.includes(name))) {
    return inputs.map((input) => [input, byName[input.name]!]);
  }
  const list: MatchedValue[] = Object.values<MatchedValue>(byName);
  if (list.length === inputs.length) {
    // Several arrays with names of their own are no order to rely on, unless NumPy named them.
    const ordered = Array.isArray(values) || list.length === 1 || named.every((name) => /^(arr_)?\d+$/.test(name));
    if (ordered) return inputs.map((input, at) => [input, list[at]!]);
  }
  const found = named.length > 0 ? `the arrays ${named.join(', ')}` : `${list.length} value(s)`;
  const missing = inputs.filter(({ name }) => !named.includes(name)).map(({ name }) => name);
  const picture = list.length === 1 && isPixels(list[0]!) ? findImageInput(inputs) : null;
  const fix =
    picture !== null
      ? `Use a .npz or a manifest with a column per input: ${missing.filter((name) => name !== picture.name).join(', ')} get nothing from pictures.`
      : `Name the arrays as the inputs: ${inputs.map(({ name }) => name).join(', ')}.`;
  throw mismatch(id, found, inputs, fix);
}

/**
 * @param id the sample, for messages
 * @returns a tensor per input, of the input's type; first axis 1 where the input has a batch axis
 * @throws CodedError DATA_MISMATCH
 */
export function matchInputs(values: MatchedValues, inputs: readonly ValueSpec[], id: string): NamedTensors {
  return Object.fromEntries(pair(values, inputs, id).map(([input, value]) => [input.name, fit(value, input, id)]));
}
