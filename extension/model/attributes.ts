/**
 * Attributes of a node by name: reading with a default, setting with the right type tag, removing.
 *
 * Used by every rewrite. A value of another type than asked for counts as an error of the model.
 */
import { CodedError } from '../contract/errors';
import {
  attributeType,
  type AttributeProto,
  type GraphProto,
  newAttribute,
  type NodeProto,
  type TensorProto,
} from './onnx.generated';

type Attributed = Pick<NodeProto, 'attribute'> & Partial<Pick<NodeProto, 'name' | 'opType'>>;

export function findAttribute(node: Attributed, name: string): AttributeProto | undefined {
  return node.attribute.find((attribute) => attribute.name === name);
}

export function hasAttribute(node: Attributed, name: string): boolean {
  return findAttribute(node, name) !== undefined;
}

/** An integer that fits a `number`. */
export function getInt(node: Attributed, name: string, fallback: number): number {
  const value = findAttribute(node, name)?.i;
  return value === undefined ? absent(node, name, fallback) : Number(value);
}

export function getInts(node: Attributed, name: string, fallback: readonly number[]): number[];
export function getInts(node: Attributed, name: string): number[] | undefined;
export function getInts(node: Attributed, name: string, fallback?: readonly number[]): number[] | undefined {
  const attribute = findAttribute(node, name);
  if (attribute === undefined) return fallback?.slice();
  if (attribute.ints.length === 0) checkType(node, attribute, [attributeType.INTS]);
  return attribute.ints.map(Number);
}

export function getFloat(node: Attributed, name: string, fallback: number): number {
  return findAttribute(node, name)?.f ?? absent(node, name, fallback);
}

export function getFloats(node: Attributed, name: string): number[] | undefined {
  const attribute = findAttribute(node, name);
  if (attribute === undefined) return undefined;
  if (attribute.floats.length === 0) checkType(node, attribute, [attributeType.FLOATS]);
  return attribute.floats.slice();
}

export function getString(node: Attributed, name: string, fallback: string): string {
  const value = findAttribute(node, name)?.s;
  return value === undefined ? absent(node, name, fallback) : Buffer.from(value).toString('utf8');
}

export function getTensor(node: Attributed, name: string): TensorProto | undefined {
  return findAttribute(node, name)?.t;
}

export function getGraph(node: Attributed, name: string): GraphProto | undefined {
  return findAttribute(node, name)?.g;
}

export function setInt(node: Attributed, name: string, value: number | bigint): void {
  put(node, newAttribute({ name, type: attributeType.INT, i: BigInt(value) }));
}

export function setInts(node: Attributed, name: string, values: readonly (number | bigint)[]): void {
  put(node, newAttribute({ name, type: attributeType.INTS, ints: values.map(BigInt) }));
}

export function setFloat(node: Attributed, name: string, value: number): void {
  put(node, newAttribute({ name, type: attributeType.FLOAT, f: value }));
}

export function setString(node: Attributed, name: string, value: string): void {
  put(node, newAttribute({ name, type: attributeType.STRING, s: new Uint8Array(Buffer.from(value, 'utf8')) }));
}

export function setTensor(node: Attributed, name: string, value: TensorProto): void {
  put(node, newAttribute({ name, type: attributeType.TENSOR, t: value }));
}

/** Removes an attribute if it is there; says whether it was. */
export function removeAttribute(node: Attributed, name: string): boolean {
  const index = node.attribute.findIndex((attribute) => attribute.name === name);
  if (index < 0) return false;
  node.attribute.splice(index, 1);
  return true;
}

function put(node: Attributed, attribute: AttributeProto): void {
  const index = node.attribute.findIndex((existing) => existing.name === attribute.name);
  if (index < 0) node.attribute.push(attribute);
  else node.attribute[index] = attribute;
}

/** The default of an attribute that is not there, or has no value of the wanted type only because it is zero in proto3. */
function absent<T extends number | string>(node: Attributed, name: string, fallback: T): T {
  const attribute = findAttribute(node, name);
  if (attribute === undefined) return fallback;
  const scalar = typeof fallback === 'string' ? [attributeType.STRING] : [attributeType.INT, attributeType.FLOAT];
  checkType(node, attribute, scalar);
  return (typeof fallback === 'string' ? '' : 0) as T;
}

function checkType(node: Attributed, attribute: AttributeProto, wanted: readonly number[]): void {
  if (wanted.includes(attribute.type ?? attributeType.UNDEFINED)) return;
  const place = node.name ?? node.opType ?? '';
  throw new CodedError({
    code: 'MODEL_INVALID',
    reason: `Attribute ${attribute.name} of node ${place} has the wrong type.`,
    fix: 'Export the model again, or run the ONNX checker on it to see what is wrong.',
    place: { node: place, field: attribute.name ?? '' },
  });
}
