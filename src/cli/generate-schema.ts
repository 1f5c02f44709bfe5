import {mkdir, writeFile} from 'node:fs/promises';
import {schemaReference} from './schema-reference.ts';

// A script, run from the root of the checkout: writes what is made from the catalogue.
await mkdir('docs', {recursive: true});
await writeFile('docs/schema.md', schemaReference());
