import {z} from 'zod';
import {OPTION_FACTS} from './fields.ts';
import type {KeyPath} from './problem.ts';
import {isMapping, valueAt} from './settings.ts';
import {FILE} from './table.ts';

/** One key of the table, for documents and messages. */
export interface TableRow {
  /** `source.page_size`, `sinks[].url (postgres)`, `stream_options.NAME.page_size`. */
  readonly key: string;
  /** The default as it would be written in the file; undefined when it must be given, null when it may be left out. */
  readonly fallback: unknown;
  readonly doc: string;
  readonly env: string | undefined;
  readonly isSecret: boolean;
}

/** All keys in the order of the table. */
export function tableRows(): TableRow[] {
  return rowsOf(FILE, '', '');
}

/** Names of keys whose values are never shown. */
export const SECRET_KEYS: ReadonlySet<string | number> = new Set(
  tableRows().flatMap(({key, isSecret}) => (isSecret ? [/(\w+)(?: \(.*)?$/.exec(key)?.[1] ?? key] : [])),
);

/** Keys that are known in the mapping at a path; in a sink, those of its type. */
export function keysOf(path: KeyPath, tree: unknown): string[] {
  let schema: z.core.$ZodType = FILE;
  for (let i = 0; i <= path.length; i++) {
    schema = inside(schema);
    if (schema instanceof z.ZodDiscriminatedUnion) {
      const type = valueAt(tree, [...path.slice(0, i), 'type']);
      schema =
        schema.options.find((option) => isMapping(option) && typeOf(option as z.core.$ZodType) === type) ?? schema;
    }
    const part = path[i];
    if (part === undefined) break;
    if (schema instanceof z.ZodObject) schema = (schema.shape as Record<string, z.core.$ZodType>)[part] ?? z.never();
    else if (schema instanceof z.ZodArray) schema = schema.element;
    else if (schema instanceof z.ZodRecord) schema = schema.valueType;
  }
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

function rowsOf(schema: z.core.$ZodType, key: string, suffix: string): TableRow[] {
  const inner = inside(schema);
  if (inner instanceof z.ZodObject) {
    return Object.entries(inner.shape as Record<string, z.core.$ZodType>).flatMap(([name, member]) =>
      rowsOf(member, key === '' ? name : `${key}.${name}`, suffix),
    );
  }
  if (OPTION_FACTS.has(schema)) {
    const {env, isSecret} = OPTION_FACTS.get(schema as z.ZodType) ?? {};
    const doc = schema instanceof z.ZodType ? (schema.description ?? '') : '';
    return [{key: key + suffix, fallback: fallbackOf(schema), doc, env, isSecret: isSecret === true}];
  }
  if (inner instanceof z.ZodArray) return rowsOf(inner.element, `${key}[]`, suffix);
  if (inner instanceof z.ZodRecord) return rowsOf(inner.valueType, `${key}.NAME`, suffix);
  if (inner instanceof z.ZodDiscriminatedUnion) {
    return inner.options.flatMap((option) => rowsOf(option, key, ` (${typeOf(option)})`));
  }
  return [];
}

/** The schema without its default and its being optional. */
function inside(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional) return inside(schema.unwrap());
  return schema;
}

function fallbackOf(schema: z.core.$ZodType): unknown {
  if (schema instanceof z.ZodPrefault) return schema.def.defaultValue;
  return schema instanceof z.ZodOptional ? null : undefined;
}

function typeOf(schema: z.core.$ZodType): string {
  const type: unknown = schema instanceof z.ZodObject ? (schema.shape as Record<string, unknown>)['type'] : undefined;
  return type instanceof z.ZodLiteral ? String(type.value) : '';
}
