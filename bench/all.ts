import {fork} from 'node:child_process';
import {once} from 'node:events';
import {cpus} from 'node:os';
import {fileURLToPath} from 'node:url';
import {printTable, type Result} from './result.ts';

// `npm run bench`: every case of bench/README.md, each script in a process of its own, then all figures in one table and
// as one line of JSON. The flag goes to all; the large app of `incremental` is for `--large` alone.

const SCRIPTS: readonly {readonly name: string; readonly flags: Readonly<Record<string, string>>}[] = [
  {name: 'first-sync', flags: {}},
  {name: 'incremental', flags: {'': '--short', '--large': ''}},
  {name: 'budget', flags: {}},
  {name: 'formats', flags: {}},
  {name: 'memory', flags: {'--large': ''}},
  {name: 'stages', flags: {'--large': ''}},
];

const [flag = '', ...more] = process.argv.slice(2);
if (!['', '--short', '--large'].includes(flag) || more.length > 0) {
  process.stderr.write('usage: npm run bench [-- --short|--large]\n');
  process.exit(2);
}

const results: Result[] = [];
for (const {name, flags} of SCRIPTS) {
  process.stdout.write(`\n== ${name}\n`);
  const own = flags[flag] ?? flag;
  const script = fileURLToPath(new URL(`./${name}.js`, import.meta.url));
  const child = fork(script, own === '' ? [] : [own]);
  child.on('message', (told) => results.push(...(told as Result[])));
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) process.exitCode = code ?? 1;
}

const rows = results.map((result) => [
  `${result.case}. ${result.name}`,
  String(result.value),
  result.reference,
  result.goal,
  result.isMet === null ? '' : result.isMet ? 'met' : 'not met',
]);
process.stdout.write('\n');
printTable([['case', 'figure', 'of', 'goal', ''], ...rows]);
const machine = {cores: cpus().length, model: cpus()[0]?.model ?? '', node: process.version};
process.stdout.write(`${JSON.stringify({date: new Date().toISOString(), flag, machine, results})}\n`);
