import {readFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import ts from 'typescript';
import {expect, test} from 'vitest';

const SRC = fileURLToPath(new URL('../../src/', import.meta.url));

/** Modules that a file needs when it runs: its imports that are not of types alone. */
function importsOf(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest);
  return source.statements.flatMap((statement) => {
    if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) return [];
    if (ts.isImportDeclaration(statement)) {
      const {importClause} = statement;
      const bindings = importClause?.namedBindings;
      const isOfTypes =
        importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword ||
        (importClause?.name === undefined &&
          bindings !== undefined &&
          ts.isNamedImports(bindings) &&
          bindings.elements.every((element) => element.isTypeOnly));
      if (isOfTypes) return [];
    } else if (statement.isTypeOnly) return [];
    const from = statement.moduleSpecifier;
    return from !== undefined && ts.isStringLiteral(from) ? [from.text] : [];
  });
}

/** Packages that are loaded along with these files of `src/`. */
function packagesOf(...files: string[]): string[] {
  const seen = new Set<string>();
  const packages = new Set<string>();
  const open = files.map((file) => join(SRC, file));
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    for (const name of importsOf(file)) {
      if (name.startsWith('.')) open.push(join(dirname(file), name));
      else if (!name.startsWith('node:')) packages.add(name);
    }
  }
  return [...packages].sort();
}

test('a sync without Redis loads what it needs, and neither queue, server nor stores of objects', () => {
  expect(packagesOf('main.ts', 'cli/context.ts', 'cli/sync.ts', 'cli/run-now.ts')).toEqual([
    'commander',
    'cron-parser',
    'p-limit',
    'pg',
    'pg-copy-streams',
    'pino',
    'undici',
    'yaml',
    'zod',
  ]);
});

test('start loads the queue', () => {
  expect(packagesOf('cli/start.ts')).toEqual(expect.arrayContaining(['bullmq', 'ioredis']));
});
