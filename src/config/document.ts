import {isNode, isPair, isScalar, LineCounter, parseDocument, visit} from 'yaml';
import type {Document, ErrorCode} from 'yaml';
import {interpolate, referencesIn} from './interpolate.ts';
import type {Interpolated} from './interpolate.ts';
import type {Variables} from './environment.ts';
import type {KeyPath, Problem} from './problem.ts';
import {isMapping, placeOf} from './settings.ts';
import type {Settings, Tree} from './settings.ts';

/** A file that has been read as YAML, its variables not put in yet. */
export interface SettingsDocument {
  readonly name: string;
  readonly yaml: Document;
  readonly lines: LineCounter;
  /** Variables that its texts name. */
  readonly references: readonly string[];
}

/** Sentences of our own, because the parser's quote the text, which may be a secret. */
const SYNTAX: Partial<Record<ErrorCode, string>> = {
  BAD_INDENT: 'the indentation does not fit the lines above',
  BLOCK_AS_IMPLICIT_KEY: 'a nested mapping starts on the line of its key; is a text with ": " not in quotes?',
  DUPLICATE_KEY: 'the key appears twice in one mapping',
  MISSING_CHAR: 'a quote, bracket or colon is missing',
  MULTIPLE_DOCS: 'a second document starts here',
  TAB_AS_INDENT: 'a tab is used for indentation',
  TAG_RESOLVE_FAILED: 'an unknown tag (!name) is used',
  UNEXPECTED_TOKEN: 'there is something that does not belong here',
};

/** Stands in the document for a text in which a variable was named, until its path is known. */
class Marked {
  readonly result: Exclude<Interpolated, {kind: 'plain'}>;

  constructor(result: Exclude<Interpolated, {kind: 'plain'}>) {
    this.result = result;
  }
}

/** Reads text as YAML. Never throws: what is wrong with it comes out of `settingsOf`. */
export function readDocument(name: string, text: string): SettingsDocument {
  const lines = new LineCounter();
  const yaml = parseDocument(text, {lineCounter: lines, prettyErrors: false, logLevel: 'error'});
  const references: string[] = [];
  visitTexts(yaml, (value) => void references.push(...referencesIn(value)));
  return {name, yaml, lines, references};
}

/** Puts the variables in and gives plain values with their origins. Changes the document, so: once only. */
export function settingsOf({name, yaml, lines}: SettingsDocument, variables: Variables): Settings {
  const positionAt = (offset: number) => {
    const {line, col} = lines.linePos(offset);
    return `${name}:${line}:${col}`;
  };
  const problems: Problem[] = [...yaml.errors, ...yaml.warnings].map(({code, pos}) => ({
    path: [],
    origin: positionAt(pos[0]),
    text: `expected YAML, found that ${SYNTAX[code] ?? `it cannot be read (${code})`}`,
  }));
  const unset = new Map<string, string>();
  const filled = new Map<string, {isSecret: boolean}>();
  const originOf = (path: KeyPath) => originIn(yaml, path, positionAt) ?? name;
  const empty: Tree = {};
  if (problems.length > 0) return {tree: empty, originOf, unset, filled, problems};

  visitTexts(yaml, (text) => {
    const result = interpolate(text, variables);
    return result.kind === 'plain' ? result.text : new Marked(result);
  });

  const unmarked = (result: Marked['result'], path: KeyPath): string | undefined => {
    if (result.kind === 'absent') unset.set(placeOf(path), result.variable);
    if (result.kind === 'wrong') problems.push({path, origin: originOf(path), text: result.reason});
    if (result.kind !== 'filled') return undefined;
    filled.set(placeOf(path), {isSecret: result.isSecret});
    return result.text;
  };
  const plain = (value: unknown, path: KeyPath): unknown => {
    if (value instanceof Marked) return unmarked(value.result, path);
    if (value === null) return undefined;
    if (Array.isArray(value)) return value.map((element, i) => plain(element, [...path, i]));
    if (!isMapping(value)) return value;
    const entries = Object.entries(value).map(([key, member]) => [key, plain(member, [...path, key])] as const);
    return Object.fromEntries(entries.filter(([, member]) => member !== undefined));
  };
  const tree = plain(valuesOf(yaml, positionAt, problems), []) ?? empty;
  if (isMapping(tree)) return {tree, originOf, unset, filled, problems};
  problems.push({path: [], origin: positionAt(0), text: 'expected a mapping of keys, found a plain value or a list'});
  return {tree: empty, originOf, unset, filled, problems};
}

/** Plain values of the document; nothing where an alias stands for nothing, or aliases for too much. */
function valuesOf(yaml: Document, positionAt: (offset: number) => string, problems: Problem[]): unknown {
  try {
    return yaml.toJS() as unknown;
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    let offset = 0;
    visit(yaml, {
      Alias(_, alias) {
        if (alias.resolve(yaml) !== undefined) return undefined;
        offset = alias.range?.[0] ?? 0;
        return visit.BREAK;
      },
    });
    const text =
      'expected YAML, found an alias (*name) without an anchor before it, or too many of them; a text that starts with * needs quotes';
    problems.push({path: [], origin: positionAt(offset), text});
    return undefined;
  }
}

/** Every text that is a value, not a key; what `change` gives takes its place. */
function visitTexts(yaml: Document, change: (text: string) => unknown): void {
  visit(yaml, {
    Scalar(key, node) {
      if (key === 'key' || typeof node.value !== 'string') return;
      const value = change(node.value);
      if (value !== undefined) node.value = value;
    },
  });
}

/** Position of the value at a path; of its key where the value is a list or mapping; of what is around it else. */
function originIn(yaml: Document, path: KeyPath, positionAt: (offset: number) => string): string | undefined {
  for (let length = path.length; length > 0; length--) {
    const part = path[length - 1];
    const around: unknown = length === 1 ? yaml.contents : yaml.getIn(path.slice(0, length - 1), true);
    const pairs: readonly unknown[] =
      typeof around === 'object' && around !== null && 'items' in around && Array.isArray(around.items)
        ? around.items
        : [];
    const pair = pairs.find((pair) => isPair(pair) && isScalar(pair.key) && pair.key.value === part);
    const node: unknown = isPair(pair) ? pair.key : typeof part === 'number' ? pairs[part] : undefined;
    if (isNode(node) && node.range) return positionAt(node.range[0]);
  }
  return undefined;
}
