/**
 * Generates `extension/model/onnx.generated.ts` from the schema that the `onnx` Python package carries.
 *
 * Run it with `npm run generate:onnx` when a new ONNX release adds fields. It asks pip for the wheel by name, reads
 * `onnx/onnx-ml.proto` out of it and writes TypeScript interfaces, factories and one field table per message. The
 * tables drive `wireReader.ts` and `wireWriter.ts`; only names, numbers and types are taken over.
 *
 * Usage: node scripts/generate-onnx-codec.mjs [path of an onnx-ml.proto]
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unzipSync } from 'fflate';
import { format } from 'prettier';

const onnxVersion = '1.23.2';
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const target = join(root, 'extension', 'model', 'onnx.generated.ts');

/** int64 fields that a graph editor computes with; all are sizes or versions far below 2^53. Other int64 are `bigint`. */
const plainNumbers = new Set([
  'TensorProto.dims',
  'SparseTensorProto.dims',
  'TensorShapeProto.Dimension.dim_value',
  'ModelProto.ir_version',
  'OperatorSetIdProto.version',
]);
/** Payloads that stay in the file until someone asks for them. */
const largePayloads = new Set(['TensorProto.raw_data']);
const typedArrays = {
  float: 'Float32Array',
  double: 'Float64Array',
  int32: 'Int32Array',
  int64: 'BigInt64Array',
  uint64: 'BigUint64Array',
};
/** Packed floating-point fields have the bytes of an array in memory, so a large one stays in the file as well. */
const packedFloats = new Set(['float', 'double']);

function protoText() {
  const given = process.argv[2];
  if (given !== undefined) return readFileSync(given, 'utf8');
  const folder = mkdtempSync(join(tmpdir(), 'onnx-wheel-'));
  try {
    const python = process.platform === 'win32' ? 'python' : 'python3';
    execFileSync(python, ['-m', 'pip', 'download', '--quiet', '--no-deps', '--dest', folder, `onnx==${onnxVersion}`], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const wheel = readdirSync(folder).find((name) => name.endsWith('.whl'));
    if (wheel === undefined) throw new Error('pip fetched no wheel of onnx');
    const entry = 'onnx/onnx-ml.proto';
    const files = unzipSync(readFileSync(join(folder, wheel)), { filter: (file) => file.name === entry });
    if (files[entry] === undefined) throw new Error(`${wheel} holds no ${entry}`);
    return Buffer.from(files[entry]).toString('utf8');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function tokenize(text) {
  const bare = text.replace(/\/\/[^\n]*/g, '').replace(/\/\*[\s\S]*?\*\//g, '');
  return bare.match(/"[^"]*"|[\w.]+|[{}[\]=;,-]/g) ?? [];
}

/** Recursive descent over the part of the protobuf language that the ONNX schema uses. */
function parse(tokens) {
  let at = 0;
  const messages = [];
  const enums = [];
  const next = () => tokens[at++];
  const expect = (token) => {
    const got = next();
    if (got !== token) throw new Error(`expected ${token}, found ${got} at token ${at}`);
  };
  const skipStatement = () => {
    while (next() !== ';');
  };

  const parseEnum = (prefix) => {
    const name = [...prefix, next()].join('.');
    const values = [];
    expect('{');
    while (tokens[at] !== '}') {
      const key = next();
      expect('=');
      values.push([key, Number(next())]);
      expect(';');
    }
    expect('}');
    enums.push({ name, values });
  };

  const parseField = (label, message) => {
    const field = { label, type: next(), name: next(), packed: false };
    expect('=');
    field.number = Number(next());
    if (tokens[at] === '[') {
      while (tokens[at] !== ']') if (next() === 'packed' && tokens[at + 1] === 'true') field.packed = true;
      expect(']');
    }
    expect(';');
    message.fields.push(field);
  };

  const parseMessage = (prefix) => {
    const path = [...prefix, next()];
    const message = { name: path.join('.'), fields: [] };
    messages.push(message);
    expect('{');
    while (tokens[at] !== '}') {
      const token = next();
      if (token === 'message') parseMessage(path);
      else if (token === 'enum') parseEnum(path);
      else if (token === 'reserved' || token === 'option') skipStatement();
      else if (token === 'oneof') {
        next();
        expect('{');
        while (tokens[at] !== '}') parseField('optional', message);
        expect('}');
      } else if (token === 'optional' || token === 'repeated') parseField(token, message);
      else if (token !== ';') throw new Error(`unexpected ${token} in ${message.name}`);
    }
    expect('}');
  };

  while (at < tokens.length) {
    const token = next();
    if (token === 'message') parseMessage([]);
    else if (token === 'enum') parseEnum([]);
    else if (token === 'syntax' || token === 'package' || token === 'option') skipStatement();
    else if (token !== ';') throw new Error(`unexpected ${token} at top level`);
  }
  return { messages, enums };
}

const camel = (name) => name.replace(/_+(\w)/g, (_, letter) => letter.toUpperCase());
const lowerFirst = (name) => name[0].toLowerCase() + name.slice(1);
const typeName = (path) => path.replaceAll('.', '');
/** TensorProto → newTensor, TypeProto.Tensor → newTypeTensor. */
const factoryName = (path) => `new${path.replaceAll('.', '').replace(/Proto/g, '')}`;
const schemaName = (path) => `${lowerFirst(typeName(path))}Schema`;

/** A type name is looked up from the innermost scope outwards, as protobuf does. */
function resolveType(type, scope, names) {
  const parts = scope.split('.');
  for (let depth = parts.length; depth >= 0; depth--) {
    const candidate = [...parts.slice(0, depth), type].join('.');
    if (names.has(candidate)) return candidate;
  }
  return null;
}

/** What the run time must know about a field, and its TypeScript type. */
function describe(message, field, messageNames, enumNames) {
  const key = `${message.name}.${field.name}`;
  const repeated = field.label === 'repeated';
  const base = { name: camel(field.name), number: field.number, repeated, packed: field.packed };
  const enumeration = resolveType(field.type, message.name, enumNames);
  if (enumeration !== null) return { ...base, kind: 'int32', element: 'number' };
  const nested = resolveType(field.type, message.name, messageNames);
  if (nested !== null) return { ...base, kind: 'message', element: typeName(nested), message: nested };
  if (field.packed) {
    const array = typedArrays[field.type];
    if (array === undefined) throw new Error(`no typed array for ${key}`);
    return { ...base, kind: field.type, array, inFile: packedFloats.has(field.type) };
  }
  switch (field.type) {
    case 'float':
    case 'double':
    case 'int32':
      return { ...base, kind: field.type, element: 'number' };
    case 'int64':
      return plainNumbers.has(key)
        ? { ...base, kind: 'int64Number', element: 'number' }
        : { ...base, kind: 'int64', element: 'bigint' };
    case 'uint64':
      return { ...base, kind: 'uint64', element: 'bigint' };
    case 'string':
      return { ...base, kind: 'string', element: 'string' };
    case 'bytes':
      return largePayloads.has(key)
        ? { ...base, kind: 'largeBytes', element: 'Bytes' }
        : { ...base, kind: 'bytes', element: 'Uint8Array' };
    default:
      throw new Error(`${key} has an unknown type ${field.type}`);
  }
}

function tsType(field) {
  if (field.packed) return field.inFile ? `${field.array} | FileRange` : field.array;
  return field.repeated ? `${field.element}[]` : field.element;
}

function emit({ messages, enums }) {
  const messageNames = new Set(messages.map((message) => message.name));
  const enumNames = new Set(enums.map((enumeration) => enumeration.name));
  const described = messages.map((message) => ({
    name: message.name,
    fields: message.fields
      .map((field) => describe(message, field, messageNames, enumNames))
      .sort((a, b) => a.number - b.number),
  }));
  const out = [];
  out.push(`/**
 * ONNX messages: types, factories and field tables. Generated by scripts/generate-onnx-codec.mjs; do not edit.
 *
 * Absent singular fields are undefined; repeated fields are always there. \`wireReader.ts\` and \`wireWriter.ts\` are
 * driven by the tables, \`loadModel.ts\` and \`saveModel.ts\` stand on those.
 */
import type { Bytes, FileRange } from './fileRange';
import type { FieldSchema, MessageSchema, WireNotes, wireNotes } from './messageSchema';

export const onnxPackageVersion = '${onnxVersion}';
`);
  for (const { name, values } of enums) {
    const entries = values.map(([key, value]) => `${key}: ${value}`).join(', ');
    const constant = name === 'Version' ? 'irVersions' : lowerFirst(name.split('.').at(-1));
    out.push(`export const ${constant} = { ${entries} } as const;\n`);
  }
  for (const message of described) {
    const type = typeName(message.name);
    const lines = message.fields.map((field) =>
      field.repeated ? `${field.name}: ${tsType(field)};` : `${field.name}?: ${tsType(field)} | undefined;`,
    );
    out.push(`export interface ${type} {\n${lines.join('\n')}\n[wireNotes]?: WireNotes | undefined;\n}\n`);
    const empty = message.fields
      .filter((field) => field.repeated)
      .map((field) => `${field.name}: ${field.packed ? `new ${field.array}(0)` : '[]'}, `)
      .join('');
    out.push(
      `export function ${factoryName(message.name)}(fields: Partial<${type}> = {}): ${type} {\nreturn { ${empty}...fields };\n}\n`,
    );
  }
  out.push(`
type Row = readonly [number: number, name: string, kind: FieldSchema['kind'], shape?: 'repeated' | 'packed'];

function schema(name: string, create: () => object, rows: readonly Row[], nested: Record<number, () => MessageSchema> = {}): MessageSchema {
  const fields = rows.map(([number, field, kind, shape]): FieldSchema => {
    const message = nested[number];
    return {
      number,
      name: field,
      kind,
      repeated: shape !== undefined,
      packed: shape === 'packed',
      ...(message === undefined ? {} : { message }),
    };
  });
  return { name, create, fields, byNumber: new Map(fields.map((field) => [field.number, field])) };
}
`);
  for (const message of described) {
    const rows = message.fields.map((field) => {
      const shape = field.packed ? `, 'packed'` : field.repeated ? `, 'repeated'` : '';
      return `[${field.number}, '${field.name}', '${field.kind}'${shape}]`;
    });
    const nested = message.fields
      .filter((field) => field.message !== undefined)
      .map((field) => `${field.number}: () => ${schemaName(field.message)}`);
    const table = nested.length === 0 ? '' : `, { ${nested.join(', ')} }`;
    out.push(
      `export const ${schemaName(message.name)}: MessageSchema = schema('${message.name}', ${factoryName(message.name)}, [\n${rows.join(',\n')}]${table});\n`,
    );
  }
  return out.join('\n');
}

const source = emit(parse(tokenize(protoText())));
writeFileSync(target, await format(source, { parser: 'typescript', printWidth: 120, singleQuote: true }));
console.log(`wrote ${target}`);
