import {readFile, writeFile} from 'node:fs/promises';
import {jsonSchemaText} from './json-schema.ts';
import {withConfigTable} from './readme-table.ts';

// A script, run from the root of the checkout: writes what is made from the table of keys.
await writeFile('README.md', withConfigTable(await readFile('README.md', 'utf8')));
await writeFile('config.schema.json', jsonSchemaText());
