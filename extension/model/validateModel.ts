/**
 * Refuses a model that no later stage could handle, naming what is wrong and where.
 *
 * Comes after `loadModel.ts`, before every rewrite. Checks structure (names, cycles, captured tensors, payload sizes) and
 * versions; operator semantics are left to the runtime, which knows its operators better.
 */
import { CodedError, type ErrorPlace } from '../contract/errors';
import { isExternal, tensorBytes } from './externalData';
import { byteLength } from './fileRange';
import { definedTensors, describeNode, freeTensors, subgraphs, topologicalSort } from './graphIndex';
import { knownVersions, newerNode, runtimeVersions } from './lowerVersions';
import { type Model, normalDomain, opsetVersion } from './model';
import type { FunctionProto, GraphProto, NodeProto, TensorProto } from './onnx.generated';

/** Operator sets of the default domain that the reference runtime (ONNX Runtime 1.30) runs and our rules know. */
export const supportedOpsets = { oldest: 6, newest: runtimeVersions.opset } as const;

/**
 * @throws CodedError MODEL_OPSET_UNSUPPORTED for versions out of range; MODEL_INVALID for zero outputs, undefined
 *   tensors, cycles, tensors made twice, nodes without operator, unimported domains, values that do not fit their shape
 */
export function validateModel(model: Model): void {
  new Validator(model).run();
}

class Validator {
  private readonly imported: ReadonlySet<string>;

  constructor(private readonly model: Model) {
    this.imported = new Set(model.proto.opsetImport.map((entry) => normalDomain(entry.domain)));
  }

  run(): void {
    const { graph, functions } = this.model.proto;
    this.versions();
    if (graph.output.length === 0) {
      throw this.invalid('has no outputs', { field: 'graph.output' }, 'Export the model with at least one output.');
    }
    if (graph.node.length === 0) throw this.invalid('has no nodes', { field: 'graph.node' });
    this.graph(graph, new Set(), this.imported);
    for (const body of functions) this.functionBody(body);
  }

  private versions(): void {
    const { proto, path } = this.model;
    const irVersion = proto.irVersion ?? 0;
    if (irVersion < 1) throw this.invalid('names no IR version', { field: 'ir_version' });
    if (irVersion > knownVersions.irVersion) {
      throw unsupported(
        `${path} has IR version ${irVersion}; the newest that can be opened is ${knownVersions.irVersion}.`,
        'Export the model with an older onnx package, or set its ir_version lower if it uses nothing newer.',
        path,
      );
    }
    if (proto.opsetImport.length === 0) throw this.invalid('imports no operator set', { field: 'opset_import' });
    const opset = opsetVersion(proto);
    if (!this.imported.has('') || (opset >= supportedOpsets.oldest && opset <= supportedOpsets.newest)) return;
    if (opset > supportedOpsets.newest && opset <= knownVersions.opset) {
      this.newerNodes(opset);
      return;
    }
    throw unsupported(
      `${path} uses opset ${opset}; opsets ${supportedOpsets.oldest} to ${supportedOpsets.newest} can be handled.`,
      opset < supportedOpsets.oldest
        ? 'Export the model again with a newer exporter, opset 13 or later.'
        : `Export the model with opset_version=${supportedOpsets.newest} or lower.`,
      path,
    );
  }

  /** A newer operator set is only a number to a model that uses nothing of it (`lowerVersions.ts`). */
  private newerNodes(opset: number): void {
    const { proto, path } = this.model;
    const node = newerNode(proto);
    if (node === undefined) return;
    throw unsupported(
      `${path} uses opset ${opset}, and ${node.opType} in node ${quote(describeNode(node))} as opset ${supportedOpsets.newest} does not have it.`,
      `Export the model with opset_version=${supportedOpsets.newest} or lower.`,
      path,
    );
  }

  /** @param outer names that enclosing graphs define */
  private graph(graph: GraphProto, outer: ReadonlySet<string>, imported: ReadonlySet<string>): void {
    this.values(graph);
    const known = this.definitions(graph, outer);
    for (const node of graph.node) {
      this.node(node, known, imported);
      for (const inner of subgraphs(node)) this.graph(inner, known, imported);
    }
    for (const output of graph.output) {
      const name = output.name ?? '';
      if (!known.has(name)) {
        throw this.invalid(`declares output ${quote(name)}, which no node makes`, { field: name });
      }
    }
    topologicalSort(graph);
  }

  /** Sizes of the stored values against their shapes. */
  private values(graph: GraphProto): void {
    const tensors = [...graph.initializer];
    for (const node of graph.node) for (const { t } of node.attribute) if (t !== undefined) tensors.push(t);
    tensors.forEach((tensor) => this.tensor(tensor));
  }

  private tensor(tensor: TensorProto): void {
    const negative = tensor.dims.find((size) => size < 0);
    if (negative !== undefined) {
      throw this.invalid(`has a tensor ${quote(tensor.name)} with size ${negative}`, { field: tensor.name ?? '' });
    }
    const needed = tensorBytes(tensor);
    if (needed === null || isExternal(tensor) || tensor.rawData === undefined) return;
    const stored = byteLength(tensor.rawData);
    if (stored === needed || stored === 0) return;
    throw this.invalid(
      `has a tensor ${quote(tensor.name)} with ${stored} bytes where its shape [${tensor.dims.join(', ')}] needs ${needed}`,
      { field: tensor.name ?? '' },
    );
  }

  /** Everything that nodes of the graph can read. Each name may be defined once. */
  private definitions(graph: GraphProto, outer: ReadonlySet<string>): Set<string> {
    const stored = new Set<string>();
    for (const tensor of graph.initializer) {
      const name = tensor.name ?? '';
      if (stored.has(name)) throw this.invalid(`has two initializers named ${quote(name)}`, { field: name });
      stored.add(name);
    }
    const fed = new Set<string>();
    for (const input of graph.input) {
      const name = input.name ?? '';
      if (name === '') throw this.invalid('has an input without a name', { field: 'graph.input' });
      if (fed.has(name)) throw this.invalid(`has two inputs named ${quote(name)}`, { field: name });
      fed.add(name);
    }
    const made = new Set<string>();
    for (const node of graph.node) {
      for (const name of node.output) {
        if (name === '') continue;
        if (made.has(name) || stored.has(name) || fed.has(name)) {
          const place = { node: describeNode(node), field: name };
          throw this.invalid(`defines tensor ${quote(name)} more than once, again in node ${quote(place.node)}`, place);
        }
        made.add(name);
      }
    }
    return new Set([...outer, ...definedTensors(graph)]);
  }

  private node(node: NodeProto, known: ReadonlySet<string>, imported: ReadonlySet<string>): void {
    const name = describeNode(node);
    if (node.opType === undefined || node.opType === '') {
      throw this.invalid(`has a node ${quote(name)} without an operator`, { node: name });
    }
    const domain = normalDomain(node.domain);
    if (!imported.has(domain)) {
      const field = domain === '' ? 'ai.onnx' : domain;
      throw this.invalid(`uses ${node.opType} of domain ${field} in node ${quote(name)} without importing the domain`, {
        node: name,
        field,
      });
    }
    for (const input of node.input) {
      if (input === '' || known.has(input)) continue;
      throw this.invalid(
        `reads tensor ${quote(input)} in node ${quote(name)} (${node.opType}), which nothing defines`,
        {
          node: name,
          field: input,
        },
      );
    }
  }

  /** A function sees its parameters only. */
  private functionBody(body: FunctionProto): void {
    const imported = new Set(body.opsetImport.map((entry) => normalDomain(entry.domain)));
    const known = new Set([...body.input, ...body.node.flatMap((node) => node.output)]);
    const where = `function ${body.domain ?? ''}.${body.name}`;
    for (const node of body.node) {
      this.node(node, known, imported);
      for (const inner of subgraphs(node)) {
        for (const name of freeTensors(inner)) {
          if (!known.has(name))
            throw this.invalid(`reads tensor ${quote(name)} in ${where}, which nothing defines`, {});
        }
      }
    }
    for (const output of body.output) {
      if (!known.has(output)) throw this.invalid(`returns ${quote(output)} from ${where}, which nothing defines`, {});
    }
  }

  private invalid(what: string, place: ErrorPlace, fix?: string): CodedError {
    return new CodedError({
      code: 'MODEL_INVALID',
      reason: `${this.model.path} ${what}.`,
      fix: fix ?? 'Export the model again, or run the ONNX checker on it to see what is wrong.',
      place: { file: this.model.path, ...place },
    });
  }
}

function unsupported(reason: string, fix: string, file: string): CodedError {
  return new CodedError({ code: 'MODEL_OPSET_UNSUPPORTED', reason, fix, place: { file } });
}

function quote(name: string | undefined): string {
  return name === undefined || name === '' ? '(no name)' : `"${name}"`;
}
