import {existsSync} from 'node:fs';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import protobuf from 'protobufjs';

const MODULES = fileURLToPath(new URL('../../node_modules/', import.meta.url));
const OFFICIAL = join(MODULES, 'clarifai-nodejs-grpc');
const COMMON = join(MODULES, 'protobufjs');

const INTEGERS = new Set(['int32', 'uint32', 'sint32', 'fixed32', 'sfixed32']);
const LONG_INTEGERS = new Set(['int64', 'uint64', 'sint64', 'fixed64', 'sfixed64']);
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/;

/** The official message definitions, names as they are written. */
export function loadOfficial(): protobuf.Root {
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) => {
    const official = join(OFFICIAL, target);
    if (existsSync(official)) return official;
    return target.startsWith('google/') ? join(COMMON, target) : target;
  };
  root.loadSync('proto/clarifai/api/service.proto', {keepCase: true}).resolveAll();
  return root;
}

/**
 * What is wrong with a JSON value as a message of this type: members that the type does not have, scalars of another
 * kind than JSON has for theirs, two members of one `oneof`. Empty when nothing is.
 */
export function problemsOf(type: protobuf.Type, value: unknown, path = type.name): string[] {
  const special = specialProblems(type.fullName, value, path);
  if (special !== null) return special;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${path}: no object`];
  const problems: string[] = [];
  for (const [name, member] of Object.entries(value)) {
    const field = type.fields[name];
    if (field === undefined) problems.push(`${path}.${name}: no such field`);
    else problems.push(...fieldProblems(field, member, `${path}.${name}`));
  }
  for (const oneof of type.oneofsArray) {
    const set = oneof.fieldsArray.filter((field) => field.name in value);
    if (set.length > 1) problems.push(`${path}: ${set.map((field) => field.name).join(' and ')} at once`);
  }
  return problems;
}

function fieldProblems(field: protobuf.Field, value: unknown, path: string): string[] {
  if (field instanceof protobuf.MapField) {
    if (typeof value !== 'object' || value === null) return [`${path}: no map`];
    return Object.entries(value).flatMap(([key, entry]) => singleProblems(field, entry, `${path}[${key}]`));
  }
  if (!field.repeated) return singleProblems(field, value, path);
  if (!Array.isArray(value)) return [`${path}: no list`];
  return value.flatMap((entry, i) => singleProblems(field, entry, `${path}[${i}]`));
}

function singleProblems(field: protobuf.Field, value: unknown, path: string): string[] {
  const {resolvedType} = field;
  if (resolvedType instanceof protobuf.Type) return problemsOf(resolvedType, value, path);
  if (resolvedType instanceof protobuf.Enum) {
    const known = typeof value === 'number' && resolvedType.valuesById[value] !== undefined;
    return known ? [] : [`${path}: ${String(value)} is no number of ${resolvedType.name}`];
  }
  return isScalar(field.type, value) ? [] : [`${path}: ${JSON.stringify(value)} is no ${field.type}`];
}

function isScalar(type: string, value: unknown): boolean {
  if (INTEGERS.has(type)) return Number.isInteger(value) && (!/^u|^f/.test(type) || (value as number) >= 0);
  if (LONG_INTEGERS.has(type)) return typeof value === 'string' && /^-?\d+$/.test(value);
  switch (type) {
    case 'float':
    case 'double':
      return typeof value === 'number';
    case 'bool':
      return typeof value === 'boolean';
    case 'string':
      return typeof value === 'string';
    case 'bytes':
      return typeof value === 'string' && /^[A-Za-z0-9+/]*=*$/.test(value);
    default:
      return false;
  }
}

/** Types whose JSON is not that of their fields; null for all others. */
function specialProblems(name: string, value: unknown, path: string): string[] | null {
  switch (name) {
    case '.google.protobuf.Struct':
      return typeof value === 'object' && value !== null && !Array.isArray(value) ? [] : [`${path}: no struct`];
    case '.google.protobuf.Value':
      return [];
    case '.google.protobuf.Timestamp':
      return typeof value === 'string' && TIMESTAMP.test(value) ? [] : [`${path}: no timestamp`];
    case '.google.protobuf.UInt64Value':
      return isScalar('uint64', value) ? [] : [`${path}: no 64-bit text`];
    case '.google.protobuf.BoolValue':
      return typeof value === 'boolean' ? [] : [`${path}: no boolean`];
    default:
      return null;
  }
}
