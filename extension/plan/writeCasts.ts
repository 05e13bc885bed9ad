/**
 * Turns precision decisions into a graph: retypes tensors and constants, and puts a cast where two precisions meet.
 *
 * A tensor keeps its name and takes the type of the node that makes it, so calibrated names stay valid; each other type that
 * a consumer wants is one Cast right behind the producer, shared by all of them. Graph inputs and outputs keep their names
 * and have the type of their binding. Comes after `decidePrecisions.ts` and `writeQuantization.ts`; `simplifyCasts.ts`
 * cleans up behind it. Bodies of If, Loop and Scan are retyped like the graph around them, except for their interface: what a
 * node hands to its bodies and back stays FP32. What a body captures it reads under the name that the graph outside has for it
 * in the wanted type, so a cast of a captured tensor runs once, not in every iteration.
 */
import { elementCount, type DType, type Tensor } from '../contract/tensor';
import { getInt, getTensor, removeAttribute, setInt, setTensor } from '../model/attributes';
import { onnxType } from '../model/dtype';
import { flatIndex } from '../model/flatGraph';
import { definedTensors, walkGraphs, type GraphIndex } from '../model/graphIndex';
import { opsetVersion, type Model } from '../model/model';
import {
  dataType,
  newNode,
  newTensor,
  type GraphProto,
  type NodeProto,
  type TensorProto,
} from '../model/onnx.generated';
import { makeTensor, readTensor } from '../model/tensorValues';
import { maskFloor } from './attentionMasks';
import { boundType } from './inferTypes';
import { admits, opSchema, slotAt, type OpSchema, type Slot } from './opSchema';
import type { ComputeType } from './precisionRules';
import { roundValues } from './roundValues';

export interface WriteCastsRequest {
  /** Compute type of each node; a node that is not in it stays as it is. */
  readonly precisions: ReadonlyMap<NodeProto, ComputeType>;
  /** Element types before the rewrite. */
  readonly types: ReadonlyMap<string, DType>;
  /** Types of graph inputs and outputs that differ from FP32: fp16 or bf16, by name. */
  readonly bindings: ReadonlyMap<string, ComputeType>;
  /** Constants with attention-mask values to clamp (`attentionMasks.ts`). */
  readonly maskConstants: ReadonlySet<string>;
}

/** Rewrites the model in place; names must be unique over all bodies. */
export function writeCasts(model: Model, request: WriteCastsRequest): void {
  new CastWriter(model, request).write();
}

/** A Cast that has to be made: one per tensor and type. */
interface CastOrder {
  readonly source: string;
  readonly target: string;
  readonly dtype: DType;
}

class CastWriter {
  private readonly graph: GraphProto;
  /** The outermost graph first, then the bodies. */
  private readonly graphs: readonly GraphProto[];
  /** Over all of them. */
  private readonly index: GraphIndex;
  private readonly opset: number;
  /** New types of retyped tensors that nodes or graph inputs make. */
  private readonly made = new Map<string, DType>();
  /** Casts by source and type. */
  private readonly casts = new Map<string, CastOrder>();
  /** Constants by name and type: the name of the converted copy. */
  private readonly constants = new Map<string, string>();
  private readonly constantUses = new Map<string, Set<DType>>();

  constructor(
    private readonly model: Model,
    private readonly request: WriteCastsRequest,
  ) {
    this.graph = model.proto.graph;
    this.graphs = [...walkGraphs(this.graph)];
    this.index = flatIndex(this.graph);
    this.opset = opsetVersion(model.proto);
  }

  write(): void {
    this.retypeInputs();
    const nodes = this.graphs.flatMap(({ node }) => node);
    for (const node of nodes) this.retypeOutputs(node);
    this.countConstantUses(nodes);
    for (const node of nodes) this.connect(node);
    for (const body of this.graphs.slice(1)) this.connectBodyOutputs(body);
    this.retypeGraphOutputs();
    this.convertConstants();
    this.placeCasts();
    this.retypeValueInfo();
  }

  private retypeInputs(): void {
    for (const input of this.graph.input) {
      const name = input.name ?? '';
      const dtype = this.request.bindings.get(name);
      const tensorType = input.type?.tensorType;
      if (dtype === undefined || tensorType === undefined || this.request.types.get(name) !== 'fp32') continue;
      tensorType.elemType = onnxType(dtype);
      this.made.set(name, dtype);
    }
  }

  private retypeOutputs(node: NodeProto): void {
    const dtype = this.request.precisions.get(node);
    if (dtype === undefined || dtype === 'fp32') return;
    for (const [position, name] of node.output.entries()) {
      if (name !== '' && this.request.types.get(name) === 'fp32' && this.outputFollows(node, position, dtype)) {
        this.made.set(name, dtype);
      }
    }
    retypeAttributes(node, dtype, this.model);
  }

  /** Does this output take the node's compute type (rather than one fixed by the signature or an attribute)? */
  private outputFollows(node: NodeProto, position: number, dtype: DType): boolean {
    const schema = opSchema(node, this.opset);
    const slot = schema && slotAt(schema.outputs, position);
    if (schema === undefined || slot?.variable == null) return false;
    if (position > 0 && (node.opType === 'LayerNormalization' || node.opType === 'RMSNormalization')) return false;
    return this.retypes(node, schema, slot, dtype);
  }

  /** Does the type of this slot change when the node computes in `dtype`? */
  private retypes(node: NodeProto, schema: OpSchema, slot: Slot, dtype: DType): boolean {
    if (slot.variable === null || !admits(schema, slot.variable, dtype)) return false;
    const bound = boundType(node, schema, slot.variable, this.request.types);
    return bound === undefined || bound === 'fp32';
  }

  /** The float type that a node wants at an input; null where it takes what comes. */
  private wanted(node: NodeProto, position: number, name: string): DType | null {
    if (this.request.types.get(name) !== 'fp32') return null;
    const opType = node.opType ?? '';
    if (opType === 'Shape' || opType === 'Size') return null;
    if ((opType === 'Cast' || opType === 'CastLike') && position === 0) return null;
    const dtype = this.request.precisions.get(node) ?? 'fp32';
    const schema = opSchema(node, this.opset);
    const slot = schema && slotAt(schema.inputs, position);
    return schema !== undefined && slot !== undefined && dtype !== 'fp32' && this.retypes(node, schema, slot, dtype)
      ? dtype
      : 'fp32';
  }

  private countConstantUses(nodes: readonly NodeProto[]): void {
    for (const node of nodes) {
      node.input.forEach((name, position) => {
        if (this.index.initializer(name) === undefined) return;
        const dtype = this.wanted(node, position, name);
        if (dtype !== null) this.addConstantUse(name, dtype);
      });
    }
    for (const body of this.graphs.slice(1))
      for (const { name } of body.output) this.addConstantUse(name ?? '', 'fp32');
    // An initializer that is also a graph input can be overridden by the caller: its type is part of the interface.
    for (const input of this.graph.input) this.addConstantUse(input.name ?? '', 'fp32');
  }

  private addConstantUse(name: string, dtype: DType): void {
    const uses = this.constantUses.get(name);
    if (uses === undefined) this.constantUses.set(name, new Set([dtype]));
    else uses.add(dtype);
  }

  private connect(node: NodeProto): void {
    node.input = node.input.map((name, position) => {
      if (name === '') return name;
      const dtype = this.wanted(node, position, name);
      return dtype === null ? name : this.as(name, dtype);
    });
  }

  /**
   * What a body gives out is FP32, under whatever name. A captured tensor of another type is cast inside: runtimes refuse a
   * body that gives out an outer tensor as it is.
   */
  private connectBodyOutputs(body: GraphProto): void {
    const own = new Set(definedTensors(body));
    for (const output of body.output) {
      const name = output.name ?? '';
      if (this.request.types.get(name) !== 'fp32') continue;
      const isConstant = this.index.initializer(name) !== undefined;
      if (own.has(name) || isConstant || (this.made.get(name) ?? 'fp32') === 'fp32') {
        output.name = this.as(name, 'fp32');
        continue;
      }
      output.name = this.index.uniqueName(`${name}_fp32`);
      body.node.unshift(this.newCast({ source: name, target: output.name, dtype: 'fp32' }));
    }
  }

  /** The name under which a tensor is had in a type. */
  private as(name: string, dtype: DType): string {
    if (this.index.initializer(name) !== undefined && !this.index.isGraphInput(name))
      return this.constantAs(name, dtype);
    if ((this.made.get(name) ?? 'fp32') === dtype) return name;
    const key = `${name}|${dtype}`;
    let order = this.casts.get(key);
    if (order === undefined) {
      order = { source: name, target: this.index.uniqueName(`${name}_${dtype}`), dtype };
      this.casts.set(key, order);
    }
    return order.target;
  }

  /** A constant keeps its name in one type; others that are wanted get a copy each. */
  private constantAs(name: string, dtype: DType): string {
    const key = `${name}|${dtype}`;
    if (dtype === this.homeType(name)) {
      if (dtype !== 'fp32') this.constants.set(key, name);
      return name;
    }
    let copy = this.constants.get(key);
    if (copy === undefined) {
      copy = this.index.uniqueName(`${name}_${dtype}`);
      this.constants.set(key, copy);
    }
    return copy;
  }

  /** The type that a constant has under its own name: that of its binding, else the only one that is wanted, else FP32. */
  private homeType(name: string): DType {
    if (this.graph.output.some((output) => output.name === name)) return this.request.bindings.get(name) ?? 'fp32';
    const uses = [...(this.constantUses.get(name) ?? [])];
    return uses.length === 1 ? uses[0]! : 'fp32';
  }

  private convertConstants(): void {
    const homes = new Map<TensorProto, GraphProto>();
    for (const graph of this.graphs) for (const tensor of graph.initializer) homes.set(tensor, graph);
    for (const [key, target] of this.constants) {
      const separator = key.lastIndexOf('|');
      const source = key.slice(0, separator);
      const dtype = key.slice(separator + 1) as ComputeType;
      const tensor = this.index.initializer(source);
      const home = tensor && homes.get(tensor);
      if (tensor === undefined || home === undefined) continue;
      const values = readTensor(tensor, this.model);
      const clamped = this.request.maskConstants.has(source) ? clampMask(values) : values;
      const converted = makeTensor(target, roundValues(clamped, dtype));
      if (target === source) home.initializer[home.initializer.indexOf(tensor)] = converted;
      else home.initializer.push(converted);
    }
  }

  /**
   * A graph output whose maker computes in another type gets its name from a Cast; the maker writes an inner name, which
   * the nodes inside read.
   */
  private retypeGraphOutputs(): void {
    for (const output of this.graph.output) {
      const name = output.name ?? '';
      if (this.request.types.get(name) !== 'fp32') continue;
      const dtype = this.request.bindings.get(name) ?? 'fp32';
      if (output.type?.tensorType !== undefined) output.type.tensorType.elemType = onnxType(dtype);
      const made = this.made.get(name) ?? 'fp32';
      if (made === dtype) continue;
      const producer = this.index.producer(name);
      if (producer === undefined) {
        // A constant given out as it is has no maker to rename.
        if (this.index.initializer(name) !== undefined) this.constantAs(name, dtype);
        continue;
      }
      this.renameOutput(producer, name, dtype, made);
    }
  }

  private renameOutput(producer: NodeProto, name: string, dtype: DType, made: DType): void {
    const inner = this.index.uniqueName(`${name}_${made}`);
    producer.output = producer.output.map((output) => (output === name ? inner : output));
    const existing = this.casts.get(`${name}|${dtype}`);
    const renamed = (used: string) => (used === name ? inner : used === existing?.target ? name : used);
    for (const graph of this.graphs) for (const node of graph.node) node.input = node.input.map(renamed);
    for (const body of this.graphs.slice(1)) for (const output of body.output) output.name = renamed(output.name ?? '');
    for (const [key, order] of [...this.casts]) {
      if (order.source !== name) continue;
      this.casts.delete(key);
      if (order !== existing) this.casts.set(`${inner}|${order.dtype}`, { ...order, source: inner });
    }
    this.casts.set(`${inner}|${dtype}`, { source: inner, target: name, dtype });
    this.made.set(inner, made);
    this.made.set(name, dtype);
  }

  /** Each cast goes right behind the node that makes its source; those of graph inputs come first. */
  private placeCasts(): void {
    const bySource = new Map<string, NodeProto[]>();
    for (const order of this.casts.values()) {
      const cast = this.newCast(order);
      const casts = bySource.get(order.source);
      if (casts === undefined) bySource.set(order.source, [cast]);
      else casts.push(cast);
      this.made.set(order.target, order.dtype);
    }
    for (const graph of this.graphs) {
      const nodes: NodeProto[] = [];
      const place = (source: string) => {
        nodes.push(...(bySource.get(source) ?? []));
        bySource.delete(source);
      };
      for (const input of graph.input) place(input.name ?? '');
      for (const tensor of graph.initializer) place(tensor.name ?? '');
      for (const node of graph.node) {
        nodes.push(node);
        node.output.forEach(place);
      }
      graph.node = nodes;
    }
  }

  private newCast({ source, target, dtype }: CastOrder): NodeProto {
    const name = this.index.uniqueName(`Cast_${target}`);
    const cast = newNode({ opType: 'Cast', name, input: [source], output: [target] });
    setInt(cast, 'to', onnxType(dtype));
    return cast;
  }

  private retypeValueInfo(): void {
    for (const { valueInfo } of this.graphs) {
      for (const value of valueInfo) {
        const dtype = this.made.get(value.name ?? '');
        if (dtype !== undefined && value.type?.tensorType !== undefined)
          value.type.tensorType.elemType = onnxType(dtype);
      }
    }
  }
}

/** Attributes that carry the element type of an output. */
function retypeAttributes(node: NodeProto, dtype: ComputeType, model: Model): void {
  if (node.opType === 'Cast') {
    if (getInt(node, 'to', 0) === dataType.FLOAT) setInt(node, 'to', onnxType(dtype));
  } else if (node.opType === 'ConstantOfShape') {
    const value =
      getTensor(node, 'value') ?? newTensor({ dims: [1], dataType: dataType.FLOAT, floatData: new Float32Array(1) });
    if (value.dataType === dataType.FLOAT)
      setTensor(node, 'value', makeTensor('', roundValues(readTensor(value, model), dtype)));
  } else if (node.opType === 'DequantizeLinear') {
    // Without the attribute the output has the type of the scale, which is retyped as an input.
    removeAttribute(node, 'output_dtype');
  }
}

function clampMask(tensor: Tensor): Tensor {
  const data = Float32Array.from(tensor.data as Float32Array, (value) =>
    value < maskFloor && value !== -Infinity ? maskFloor : value,
  );
  return { dtype: 'fp32', dims: tensor.dims, data: data.subarray(0, elementCount(tensor.dims)) };
}
