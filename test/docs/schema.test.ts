import {readFile} from 'node:fs/promises';
import {expect, test} from 'vitest';
import {schemaReference} from '../../src/cli/schema-reference.ts';
import {CATALOGUE} from '../../src/streams/catalogue.ts';
import {VIEWS} from '../../src/streams/views.ts';

const FILE = new URL('../../docs/schema.md', import.meta.url);

test('docs/schema.md is what the catalogue gives; else npm run generate', async () => {
  expect(await readFile(FILE, 'utf8')).toBe(schemaReference());
});

test('every column of every table and view has a sentence', () => {
  const docs = [
    ...CATALOGUE.flatMap((stream) => stream.shape.columns.map(({name, doc}) => [stream.name, name, doc] as const)),
    ...VIEWS.flatMap((view) => view.columns.map(({name, doc}) => [view.name, name, doc] as const)),
  ];
  expect(docs.filter(([, , doc]) => !/^[A-Z0-9'].*\.$/.test(doc) && !/^[a-z].*\.$/.test(doc))).toEqual([]);
});
