import {readFile} from 'node:fs/promises';
import {expect, test} from 'vitest';
import {jsonSchemaText} from '../../src/config/json-schema.ts';
import {configTableText, withConfigTable} from '../../src/config/readme-table.ts';
import {tableRows} from '../../src/config/table-rows.ts';

const fileText = (name: string) => readFile(new URL(`../../${name}`, import.meta.url), 'utf8');

test('config.schema.json is what the table gives; else run src/config/generate.ts', async () => {
  expect(await fileText('config.schema.json')).toBe(jsonSchemaText());
});

test('the table in the README is what the table of keys gives; else run src/config/generate.ts', async () => {
  const readme = await fileText('README.md');
  expect(readme).toBe(withConfigTable(readme));
});

test('every key has a sentence', () => {
  expect(tableRows().filter(({doc}) => !doc.endsWith('.'))).toEqual([]);
});

test('the schema lets a variable stand where a number belongs, and does not require what the environment fills', () => {
  const schema: unknown = JSON.parse(jsonSchemaText());
  expect(schema).toMatchObject({
    properties: {
      http: {properties: {port: {default: 8080, anyOf: [{type: 'integer'}, {type: 'string'}]}}},
      apps: {items: {required: ['user_id', 'app_id']}},
      sinks: {items: {oneOf: [{required: ['name', 'type']}, {required: ['name', 'type', 'url']}]}},
    },
  });
});

test('the default of a key in the README is written as in the file', () => {
  expect(configTableText()).toContain('| `run.max_record_bytes` | `8MiB` |');
});

test('a README without markers is refused', () => {
  expect(() => withConfigTable('# nothing')).toThrow('<!-- config:start -->');
});
