import {readdir, readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {expect, test} from 'vitest';
import {ADVICE, adviceFor} from '../../src/core/advice.ts';

const SRC = fileURLToPath(new URL('../../src/', import.meta.url));

/** Every stable code in the program's text, but for where advice is given. */
async function codes(): Promise<string[]> {
  const found = new Set<string>();
  for (const entry of await readdir(SRC, {withFileTypes: true, recursive: true})) {
    if (!entry.isFile() || !entry.name.endsWith('.ts') || entry.name === 'advice.ts') continue;
    const text = await readFile(join(entry.parentPath, entry.name), 'utf8');
    for (const [, code] of text.matchAll(/'(SYNC_[A-Z]+(?:_[A-Z]+)+)'/g)) found.add(code as string);
  }
  return [...found].sort();
}

test('there is advice for every code of the program, and for no other', async () => {
  expect(Object.keys(ADVICE).sort()).toEqual(await codes());
});

test('a code of another version gets advice too', () => {
  expect(adviceFor('SYNC_FROM_LATER')).toBe('Look into the log of the run.');
});
