import {spawn} from 'node:child_process';
import {cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync} from 'node:fs';
import {text} from 'node:stream/consumers';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {afterAll, beforeAll, expect, inject, test} from 'vitest';
import {MUTATIONS, type Mutation} from './mutations.ts';

// `npm run test:mutations`; one of them: `npm run test:mutations -- -t "without proof"`. At the end comes a table.

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const COPIED = ['src', 'test', 'package.json', 'tsconfig.json', 'vitest.config.ts'];

let folder: string;
const table: string[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'clarifai-sync-mutations-'));
  for (const name of COPIED) cpSync(join(ROOT, name), join(folder, name), {recursive: true});
  symlinkSync(realpathSync(join(ROOT, 'node_modules')), join(folder, 'node_modules'));
});

afterAll(() => {
  rmSync(folder, {recursive: true, force: true});
  process.stdout.write(`| # | what is broken | what notices it | |\n| --- | --- | --- | --- |\n${table.join('')}`);
});

type Ended = 'passed' | 'failed' | 'did not run';

/** Runs the named tests in the copy, as it stands. */
async function runNamed({test: file, named}: Mutation): Promise<{ended: Ended; said: string}> {
  const project = file.endsWith('.int.test.ts') ? 'integration' : 'unit';
  const pattern = named.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--project', project, file, '-t', pattern, '--reporter=json'];
  const env = {...process.env, TEST_BUILD: 'no', TEST_DATABASE_URL: inject('postgresUrl')};
  const child = spawn(process.execPath, args, {cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe']});
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const report = /\{"numTotalTestSuites".*\}/s.exec(out)?.[0] ?? '{}';
  const {numPassedTests = 0, numFailedTests = 0} = JSON.parse(report) as Record<string, number>;
  const ended = numFailedTests > 0 ? 'failed' : numPassedTests > 0 ? 'passed' : 'did not run';
  return {ended, said: out.slice(0, 4_000) + err.slice(-2_000)};
}

/** How each named test ended while nothing was broken. */
const unbroken = new Map<string, Ended>();

test.each(MUTATIONS.map((each) => [each.name, each.named, each] as const))(
  '"%s" is noticed by "%s"',
  async (name, named, mutation) => {
    const {invariant, file, find, replace, test: testFile} = mutation;
    const known = `${testFile} ${named}`;
    if (!unbroken.has(known)) unbroken.set(known, (await runNamed(mutation)).ended);
    const path = join(folder, file);
    const whole = readFileSync(path, 'utf8');
    writeFileSync(
      path,
      whole.replace(find, () => replace),
    );
    const {ended, said} = await runNamed(mutation);
    writeFileSync(path, whole);
    const isNoticed = unbroken.get(known) === 'passed' && ended === 'failed';
    table.push(`| ${invariant} | ${name} | \`${testFile}\`: ${named} | ${isNoticed ? 'yes' : 'NO'} |\n`);
    expect({unbroken: unbroken.get(known), broken: ended}, said).toEqual({unbroken: 'passed', broken: 'failed'});
  },
);
