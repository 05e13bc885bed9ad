/**
 * A small transformer encoder with made-up weights, and data for it: the model of the measurements that no file holds.
 *
 *     node transformer.cjs FOLDER        transformer.onnx, transformer-calib.npz, transformer-eval.npz
 *
 * Six blocks of ViT-Ti's width: LayerNormalization, attention of three heads, GELU by Erf. Its classes
 * mean nothing, so only SQNR and agreement with FP32 can be read off it. Bundled by `run.mjs`.
 */
import { writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { zipSync } from 'fflate';
import { setFloat, setInt, setInts } from '../../extension/model/attributes';
import type { Model } from '../../extension/model/model';
import {
  newGraph,
  newModel,
  newNode,
  newOperatorSetId,
  type NodeProto,
  type TensorProto,
} from '../../extension/model/onnx.generated';
import { saveModel } from '../../extension/model/saveModel';
import { makeTensor } from '../../extension/model/tensorValues';
import { floatValue } from '../support/models';
import { npy } from '../support/npy';
import { script } from './script';

const tokens = 64;
const width = 192;
const heads = 3;
const blocks = 6;
const classes = 10;

/** Normally distributed numbers that are the same on every machine. */
function generator(seed: number): () => number {
  let state = seed;
  const uniform = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

class Encoder {
  readonly nodes: NodeProto[] = [];
  readonly weights: TensorProto[] = [];
  private readonly normal = generator(1);

  node(opType: string, name: string, input: string[], attribute?: (node: NodeProto) => void): string {
    const node = newNode({ opType, name, input, output: [`${name}_out`] });
    attribute?.(node);
    this.nodes.push(node);
    return `${name}_out`;
  }

  weight(name: string, dims: number[], value: () => number): string {
    const length = dims.reduce((product, size) => product * size, 1);
    this.weights.push(makeTensor(name, { dtype: 'fp32', dims, data: Float32Array.from({ length }, value) }));
    return name;
  }

  shape(name: string, dims: readonly number[]): string {
    const data = BigInt64Array.from(dims, BigInt);
    this.weights.push(makeTensor(name, { dtype: 'int64', dims: [dims.length], data }));
    return name;
  }

  linear(name: string, input: string, from: number, to: number): string {
    const scale = 1 / Math.sqrt(from);
    const kernel = this.weight(`${name}_w`, [from, to], () => this.normal() * scale);
    const bias = this.weight(`${name}_b`, [to], () => this.normal() * 0.02);
    return this.node('Add', `${name}_bias`, [this.node('MatMul', name, [input, kernel]), bias]);
  }

  normalized(name: string, input: string): string {
    const scale = this.weight(`${name}_scale`, [width], () => 1 + 0.1 * this.normal());
    const bias = this.weight(`${name}_shift`, [width], () => 0.1 * this.normal());
    return this.node('LayerNormalization', name, [input, scale, bias], (node) => {
      setFloat(node, 'epsilon', 1e-5);
    });
  }

  /** [batch, tokens, width] → [batch, heads, tokens, width / heads] */
  private split(name: string, input: string, perm: number[]): string {
    const parts = this.node('Reshape', `${name}_split`, [
      input,
      this.shape(`${name}_shape`, [0, tokens, heads, width / heads]),
    ]);
    return this.node('Transpose', `${name}_heads`, [parts], (node) => {
      setInts(node, 'perm', perm);
    });
  }

  attention(name: string, input: string): string {
    const query = this.split(`${name}_q`, this.linear(`${name}_query`, input, width, width), [0, 2, 1, 3]);
    const key = this.split(`${name}_k`, this.linear(`${name}_key`, input, width, width), [0, 2, 3, 1]);
    const value = this.split(`${name}_v`, this.linear(`${name}_value`, input, width, width), [0, 2, 1, 3]);
    const scale = this.weight(`${name}_scale`, [], () => 1 / Math.sqrt(width / heads));
    const scores = this.node('Mul', `${name}_scaled`, [this.node('MatMul', `${name}_scores`, [query, key]), scale]);
    const shares = this.node('Softmax', `${name}_softmax`, [scores]);
    const mixed = this.node('MatMul', `${name}_mixed`, [shares, value]);
    const back = this.node('Transpose', `${name}_back`, [mixed], (node) => {
      setInts(node, 'perm', [0, 2, 1, 3]);
    });
    const joined = this.node('Reshape', `${name}_joined`, [
      back,
      this.shape(`${name}_joinedShape`, [0, tokens, width]),
    ]);
    return this.linear(`${name}_project`, joined, width, width);
  }

  gelu(name: string, input: string): string {
    const constant = (part: string, value: number) => this.weight(`${name}_${part}`, [], () => value);
    const scaled = this.node('Div', `${name}_div`, [input, constant('sqrt2', Math.SQRT2)]);
    const raised = this.node('Add', `${name}_add`, [this.node('Erf', `${name}_erf`, [scaled]), constant('one', 1)]);
    const product = this.node('Mul', `${name}_mul`, [input, raised]);
    return this.node('Mul', `${name}_half`, [product, constant('halfOf', 0.5)]);
  }
}

function encoder(): Encoder {
  const net = new Encoder();
  let current = net.linear('embed', 'x', width, width);
  for (let block = 0; block < blocks; block++) {
    const name = `block${block}`;
    const attended = net.attention(`${name}_attention`, net.normalized(`${name}_norm1`, current));
    current = net.node('Add', `${name}_skip1`, [current, attended]);
    const hidden = net.linear(`${name}_mlp1`, net.normalized(`${name}_norm2`, current), width, 4 * width);
    const mlp = net.linear(`${name}_mlp2`, net.gelu(`${name}_gelu`, hidden), 4 * width, width);
    current = net.node('Add', `${name}_skip2`, [current, mlp]);
  }
  const pooled = net.node('ReduceMean', 'pool', [net.normalized('norm', current)], (node) => {
    setInts(node, 'axes', [1]);
    setInt(node, 'keepdims', 0);
  });
  const logits = net.linear('classify', pooled, width, classes);
  net.nodes.push(newNode({ opType: 'Identity', name: 'logits', input: [logits], output: ['y'] }));
  return net;
}

/** Ten kinds of sample, each a pattern of its own with noise over it. */
function samples(count: number, seed: number): Uint8Array {
  const normal = generator(seed);
  const patterns = generator(99);
  const kinds = Float32Array.from({ length: classes * tokens * width }, () => patterns());
  const size = tokens * width;
  return npy([count, tokens, width], (index) => {
    const kind = Math.floor(index / size) % classes;
    return (kinds[kind * size + (index % size)] ?? 0) + 0.5 * normal();
  });
}

async function main(folder: string): Promise<void> {
  const { nodes, weights } = encoder();
  const graph = newGraph({
    name: 'transformer',
    node: nodes,
    initializer: weights,
    input: [floatValue('x', ['batch', tokens, width])],
    output: [floatValue('y', ['batch', classes])],
  });
  const proto = newModel({ irVersion: 8, opsetImport: [newOperatorSetId({ domain: '', version: 17 })], graph });
  await saveModel({ proto, path: '' } as unknown as Model, path.join(folder, 'transformer.onnx'));
  writeFileSync(path.join(folder, 'transformer-calib.npz'), zipSync({ 'x.npy': samples(128, 2) }));
  writeFileSync(path.join(folder, 'transformer-eval.npz'), zipSync({ 'x.npy': samples(256, 3) }));
}

script(() => main(process.argv[2] ?? '.'));
