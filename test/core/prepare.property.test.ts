import {createHash} from 'node:crypto';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {preparePage} from '../../src/core/prepare.ts';
import type {PreparedPage} from '../../src/core/prepared.ts';
import type {Path, RecordShape} from '../../src/core/shape.ts';

// A record as written: names and scalars are JSON text, so that escapes, duplicates and digits are under control.
type Value =
  | {readonly kind: 'object'; readonly members: readonly (readonly [string, Value])[]}
  | {readonly kind: 'array'; readonly elements: readonly Value[]}
  | {readonly kind: 'scalar'; readonly json: string};

const PATHS = [['name'], ['data'], ['data', 'url'], ['data', 'star'], ['input', 'id'], ['input', 'name'], ['list']];

const SHAPE: RecordShape = {
  key: [{name: 'id', from: 'record', path: ['id']}],
  columns: PATHS.map((path) => ({name: path.join('_'), type: 'json', path, doc: ''})),
  modifiedAt: null,
  volatile: [['star'], ['data', 'url'], ['list', '*', 'star'], ['name', '*']],
  redact: [['secret'], ['data', '*', 'secret'], ['input', 'secret'], ['list', '*', 'secret'], ['data', 'list', '*']],
  byIdOnly: [['input'], ['data', 'input'], ['list', '*']],
};

const CONTEXT = {parentKey: [], maxRecordBytes: 1_000_000};

const names = ['id', 'name', 'data', 'url', 'star', 'secret', 'input', 'list', 'é', '__proto__', '', '}{,"'];
const name = fc.oneof(
  {weight: 9, arbitrary: fc.constantFrom(...names).map((text) => JSON.stringify(text))},
  {weight: 1, arbitrary: fc.constantFrom(...names).map(escapeAll)},
);
const scalar = fc.oneof(
  fc.constantFrom('null', 'true', '-0', '0.600000', '12345678901234567890', '1E+2', '""', '"\\\\"', '"\\"}"', '" [ "'),
  fc.string({unit: 'grapheme', maxLength: 5}).map((text) => JSON.stringify(text)),
);
const {value} = fc.letrec<{value: Value}>((tie) => ({
  value: fc.oneof(
    {depthSize: 'small', withCrossShrink: true},
    scalar.map((json): Value => ({kind: 'scalar', json})),
    fc.array(fc.tuple(name, tie('value')), {maxLength: 6}).map((members): Value => ({kind: 'object', members})),
    fc.array(tie('value'), {maxLength: 4}).map((elements): Value => ({kind: 'array', elements})),
  ),
}));
const KEY = ['"id"', {kind: 'scalar', json: '"a"'}] as const satisfies readonly [string, Value];
const record = fc
  .array(fc.tuple(name, value), {maxLength: 8})
  .map((members): Value => ({kind: 'object', members: [...members, KEY]}));
const spaces = fc.infiniteStream(fc.constantFrom('', '', '', ' ', '\n', '\t ', '\r\n'));

test('stores the minified record without what is redacted, and hashes that without what is volatile', () => {
  fc.assert(
    fc.property(record, spaces, (tree, gaps) => {
      const prepared = prepare(write(tree, gaps));
      expect(prepared.rejects).toEqual([]);
      const {raw, repairs} = prepared.row(0);
      expect(repairs).toEqual([]);
      expect(raw).toBe(write(without(tree, [], false)));
      const digest = createHash('sha256')
        .update(write(without(tree, [], true)))
        .digest('hex');
      expect(prepared.hashes[0]).toBe(`01${digest.slice(0, 32)}`);
    }),
    {numRuns: 2000},
  );
});

test('reads the same columns as JSON.parse of what is stored', () => {
  fc.assert(
    fc.property(record, spaces, (tree, gaps) => {
      const {columns, raw} = prepare(write(tree, gaps)).row(0);
      const parsed = JSON.parse(raw) as unknown;
      PATHS.forEach((path, c) => {
        const found = at(parsed, path);
        expect(columns[c] === null ? null : (JSON.parse(columns[c]!) as unknown)).toEqual(found ?? null);
      });
    }),
    {numRuns: 2000},
  );
});

test('hashes alike exactly what differs only in volatile places and space', () => {
  fc.assert(
    fc.property(record, record, spaces, (a, b, gaps) => {
      const isSame = write(without(a, [], true)) === write(without(b, [], true));
      expect(prepare(write(a, gaps)).hashes[0] === prepare(write(b)).hashes[0]).toBe(isSame);
    }),
  );
});

test('hashes alike what differs by a volatile member somewhere', () => {
  const star = value.map((star): readonly [string, Value] => ['"star"', star]);
  fc.assert(
    fc.property(record, star, fc.nat(), (tree, member, seed) => {
      const members = tree.kind === 'object' ? tree.members : [];
      const place = seed % (members.length + 1);
      const changed: Value = {kind: 'object', members: [...members.slice(0, place), member, ...members.slice(place)]};
      expect(prepare(write(changed)).hashes).toEqual(prepare(write(tree)).hashes);
    }),
  );
});

test('accounts for every record, whatever bytes it consists of', () => {
  const bytes = fc.uint8Array({maxLength: 60}).map((random) => Buffer.from(random));
  const damaged = fc.tuple(record, fc.nat(), fc.constantFrom(0, 1), fc.uint8Array({maxLength: 2})).map((parts) => {
    const [tree, seed, removed, inserted] = parts;
    const whole = Buffer.from(write(tree));
    const place = seed % whole.length;
    return Buffer.concat([whole.subarray(0, place), inserted, whole.subarray(place + removed)]);
  });
  fc.assert(
    fc.property(fc.array(fc.oneof(bytes, damaged), {maxLength: 5}), (pieces) => {
      let end = 0;
      const spans = Int32Array.from(pieces.flatMap((piece) => [end, (end += piece.length)]));
      const prepared = preparePage(SHAPE, Buffer.concat(pieces), spans, CONTEXT);
      for (let i = 0; i < prepared.count; i++) prepared.row(i);
      const rejected = prepared.rejects.filter(({kind}) => kind === 'rejected').length;
      expect(prepared.count + rejected).toBe(pieces.length);
    }),
    {numRuns: 3000},
  );
});

test('takes every record that JSON.parse takes', () => {
  const damaged = fc.tuple(record, fc.nat(), fc.constantFrom(...'{}[],:" \\1u')).map(([tree, seed, inserted]) => {
    const whole = write(tree);
    const place = seed % whole.length;
    return whole.slice(0, place) + inserted + whole.slice(place);
  });
  fc.assert(
    fc.property(damaged, (text) => {
      if (isObject(text)) expect(prepare(text).rejects.map(({reason}) => reason)).not.toContain('not_json');
    }),
    {numRuns: 3000},
  );
});

function prepare(text: string): PreparedPage {
  const bytes = Buffer.from(text);
  return preparePage(SHAPE, bytes, Int32Array.of(0, bytes.length), CONTEXT);
}

// The record as the shape says it is stored, or hashed: the rule itself, on a tree, with nothing of the byte scan.
function without(tree: Value, path: Path, isHashed: boolean): Value {
  const isCut = (inner: Path): boolean =>
    SHAPE.redact.some((cut) => covers(cut, inner)) || (isHashed && SHAPE.volatile.some((cut) => covers(cut, inner)));
  if (tree.kind === 'scalar') return tree;
  if (tree.kind === 'array') {
    const inner = [...path, ARRAY];
    return {
      kind: 'array',
      elements: isCut(inner) ? [] : tree.elements.map((element) => without(element, inner, isHashed)),
    };
  }
  const isById = isHashed && SHAPE.byIdOnly.some((place) => covers(place, path));
  const members = tree.members.flatMap(([json, child]): (readonly [string, Value])[] => {
    const text = JSON.parse(json) as string;
    const inner = [...path, text];
    return isCut(inner) || (isById && text !== 'id') ? [] : [[json, without(child, inner, isHashed)]];
  });
  return {kind: 'object', members};
}

/** Stands for an array's elements; no generated name is this. */
const ARRAY = '[]';

function covers(place: Path, path: Path): boolean {
  return place.length === path.length && place.every((step, k) => step === '*' || step === path[k]);
}

function write(tree: Value, gaps: Iterator<string> = [''][Symbol.iterator]()): string {
  const gap = (): string => {
    const next = gaps.next();
    return next.done === true ? '' : next.value;
  };
  const one = (node: Value): string => {
    if (node.kind === 'scalar') return node.json;
    if (node.kind === 'array')
      return list(
        '[',
        ']',
        node.elements.map((element) => () => one(element)),
      );
    return list(
      '{',
      '}',
      node.members.map(
        ([json, child]) =>
          () =>
            `${json}${gap()}:${gap()}${one(child)}`,
      ),
    );
  };
  const list = (open: string, close: string, pieces: readonly (() => string)[]): string =>
    `${open}${gap()}${pieces.map((piece) => `${piece()}${gap()}`).join(`,${gap()}`)}${close}`;
  return one(tree);
}

function escapeAll(text: string): string {
  const units = Array.from({length: text.length}, (_, k) => text.charCodeAt(k).toString(16).padStart(4, '0'));
  return `"${units.map((unit) => `\\u${unit}`).join('')}"`;
}

function at(parsed: unknown, path: Path): unknown {
  let found = parsed;
  for (const step of path) {
    if (typeof found !== 'object' || found === null || Array.isArray(found) || !Object.hasOwn(found, step))
      return undefined;
    found = (found as Record<string, unknown>)[step];
  }
  return found;
}

function isObject(text: string): boolean {
  try {
    const parsed = JSON.parse(text) as unknown;
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed);
  } catch {
    return false;
  }
}
