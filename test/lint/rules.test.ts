import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {ESLint} from 'eslint';
import {describe, expect, test} from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** The real configuration, without the rules that need types: a snippet is then linted in milliseconds. */
const withoutTypes = new ESLint({
  cwd: ROOT,
  overrideConfig: {languageOptions: {parserOptions: {projectService: false}}},
  ruleFilter: ({ruleId}) => !ruleId.startsWith('@typescript-eslint/'),
});
const withTypes = new ESLint({cwd: ROOT});

/** Rules that this text breaks where it stands in that file. */
async function broken(eslint: ESLint, file: string, text: string): Promise<string[]> {
  const results = await eslint.lintText(`${text}\n`, {filePath: join(ROOT, file)});
  return results.flatMap(({messages}) => messages.map((message) => message.ruleId ?? message.message));
}

const IMPORTS = 'no-restricted-imports';

describe('the lint rules refuse', () => {
  test.each([
    ['src/core/x.ts', `import {a} from '../source/a.ts';`, IMPORTS],
    ['src/core/x.ts', `import type {Log} from '../telemetry/log.ts';`, IMPORTS],
    ['src/core/x.ts', `import {readFileSync} from 'node:fs';`, IMPORTS],
    ['src/core/x.ts', `import {z} from 'zod';`, IMPORTS],
    ['src/core/x.ts', `import {randomUUID} from 'node:crypto';`, IMPORTS],
    ['src/core/x.ts', 'export const a = Date.now();', 'no-restricted-properties'],
    ['src/core/x.ts', 'export const a = Math.random();', 'no-restricted-properties'],
    ['src/core/x.ts', 'export const a = new Date();', 'no-restricted-syntax'],
    ['src/core/x.ts', 'setTimeout(() => undefined, 1);', 'no-restricted-globals'],
    ['src/streams/x.ts', `import {a} from '../store/a.ts';`, IMPORTS],
    ['src/source/x.ts', `import {a} from '../store/a.ts';`, IMPORTS],
    ['src/source/x.ts', `import {a} from '../streams/a.ts';`, IMPORTS],
    ['src/source/x.ts', `import {a} from '../sinks/a.ts';`, IMPORTS],
    ['src/store/x.ts', `import {a} from '../source/a.ts';`, IMPORTS],
    ['src/store/x.ts', `import {a} from '../jobs/a.ts';`, IMPORTS],
    ['src/store/embedded/x.ts', `import {a} from '../../source/a.ts';`, IMPORTS],
    ['src/sinks/s3/x.ts', `import {a} from '../../source/a.ts';`, IMPORTS],
    ['src/sinks/s3/x.ts', `import {a} from '../../store/a.ts';`, IMPORTS],
    ['src/jobs/x.ts', `import {a} from '../workers/a.ts';`, IMPORTS],
    ['src/workers/x.ts', `import {a} from '../cli/a.ts';`, IMPORTS],
    ['src/http/x.ts', `import {a} from '../cli/a.ts';`, IMPORTS],
    ['src/workers/x.ts', `import {a} from '../http/a.ts';`, IMPORTS],
    ['src/cli/x.ts', `import {a} from '../main.ts';`, IMPORTS],
    ['src/config/x.ts', `import {a} from '../store/a.ts';`, IMPORTS],
    ['src/store/x.ts', `import {a} from '../config/a.ts';`, IMPORTS],
    ['src/telemetry/x.ts', `import {a} from '../core/a.ts';`, IMPORTS],
    ['src/jobs/x.ts', `import {a} from '../simulator/a.ts';`, IMPORTS],
    ['src/main.ts', `import {a} from './simulator/a.ts';`, IMPORTS],
    ['src/jobs/x.ts', `import {a} from '../../test/support/a.ts';`, IMPORTS],
    ['src/jobs/x.ts', `export {a} from '../workers/a.ts';`, IMPORTS],
    ['src/jobs/x.ts', `export const a = import('../workers/a.ts');`, 'no-restricted-syntax'],
    ['src/jobs/x.ts', `export * from './a.ts';`, 'no-restricted-syntax'],
    ['src/jobs/x.ts', `import {Queue} from 'bullmq';`, IMPORTS],
    ['src/store/x.ts', `import {Redis} from 'ioredis';`, IMPORTS],
    ['src/cli/x.ts', `import {request} from 'undici';`, IMPORTS],
    ['src/jobs/x.ts', `import pg from 'pg';`, IMPORTS],
    ['src/workers/x.ts', `import pg from 'pg';`, IMPORTS],
    ['src/workers/queue-backend.ts', `import {from} from 'pg-copy-streams';`, IMPORTS],
    ['src/jobs/x.ts', `import {from} from 'pg-copy-streams';`, IMPORTS],
    ['src/cli/x.ts', `import {runner} from 'node-pg-migrate';`, IMPORTS],
    ['src/sinks/s3/x.ts', `import pg from 'pg';`, IMPORTS],
    ['src/store/x.ts', `import {S3Client} from '@aws-sdk/client-s3';`, IMPORTS],
    ['src/main.ts', `import pg from 'pg';`, IMPORTS],
    ['src/cli/x.ts', 'export const a = process.env;', 'no-restricted-properties'],
    ['src/store/x.ts', 'process.exit(1);', 'no-restricted-properties'],
    ['src/cli/x.ts', `import {env} from 'node:process';`, IMPORTS],
    ['src/cli/x.ts', `console.log('a');`, 'no-console'],
    ['test/x.ts', `console.log('a');`, 'no-console'],
  ])('in %s: %s', async (file, text, rule) => {
    expect(await broken(withoutTypes, file, text)).toEqual([rule]);
  });

  // All of the project's types are read first, which takes what a busy machine gives it.
  test(
    'promises nobody awaits, any, cases left out, unused names and imports that are types alone',
    {timeout: 120_000},
    async () => {
      const text = `
      import {Readable} from 'node:stream';
      type Case = {kind: 'a'} | {kind: 'b'};
      const unused = 1;
      export async function go(it: Case, stream: Readable, loose: any): Promise<void> {
        Promise.resolve(stream);
        [1].forEach(async () => Promise.resolve());
        switch (it.kind) {
          case 'a':
            await Promise.resolve(loose as unknown);
        }
      }`;
      expect(new Set(await broken(withTypes, 'src/core/scope.ts', text))).toEqual(
        new Set([
          // Where the text stands only core/ may be imported.
          IMPORTS,
          '@typescript-eslint/consistent-type-imports',
          '@typescript-eslint/no-unused-vars',
          '@typescript-eslint/no-explicit-any',
          '@typescript-eslint/no-floating-promises',
          '@typescript-eslint/no-misused-promises',
          '@typescript-eslint/switch-exhaustiveness-check',
        ]),
      );
    },
  );
});

describe('the lint rules allow', () => {
  test.each([
    [
      'src/core/x.ts',
      `import {createHash} from 'node:crypto';\nimport {a} from './a.ts';\nexport const b = createHash(a);`,
    ],
    ['src/core/x.ts', 'export const a = (ms: number): Date => new Date(ms);'],
    ['src/jobs/x.ts', `import {a} from '../source/a.ts';\nimport {b} from '../store/b.ts';\nexport const c = [a, b];`],
    [
      'src/store/embedded/x.ts',
      `import {a} from '../../core/a.ts';\nimport {b} from '../b.ts';\nexport const c = [a, b];`,
    ],
    ['src/store/x.ts', `import pg from 'pg';\nexport const a = pg;`],
    [
      'src/workers/queue-backend.ts',
      `import pg from 'pg';\nimport {Queue} from 'bullmq';\nexport const a = [pg, Queue];`,
    ],
    ['src/sinks/postgres/x.ts', `import pg from 'pg';\nexport const a = pg;`],
    ['src/sinks/s3/x.ts', `import {S3Client} from '@aws-sdk/client-s3';\nexport const a = S3Client;`],
    ['src/source/x.ts', `import {request} from 'undici';\nexport const a = request;`],
    ['src/cli/x.ts', `import {a} from '../simulator/a.ts';\nexport const b = a;`],
    ['src/main.ts', `import {Queue} from 'bullmq';\nexport const a = [Queue, process.env];`],
    ['test/x.ts', `import {a} from '../src/simulator/a.ts';\nimport pg from 'pg';\nexport const b = [a, pg];`],
    ['bench/x.ts', `console.log(process.env['A']);`],
  ])('in %s: %s', async (file, text) => {
    expect(await broken(withoutTypes, file, text)).toEqual([]);
  });
});
