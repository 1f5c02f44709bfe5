import {mkdtemp, readdir, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join, resolve} from 'node:path';
import {pathToFileURL} from 'node:url';
import {EXIT_CODES, UsageError} from '../core/errors.ts';
import {A_FEW} from '../simulator/resources/all-resources.ts';
import {startSimulator, type Simulator} from '../simulator/simulator.ts';
import {makeFolder} from '../store/embedded/make-folder.ts';
import {openEmbedded} from '../store/embedded/open-embedded.ts';
import type {Logger} from '../telemetry/logger.ts';
import {Context, type Surroundings} from './context.ts';
import {additionsAndEdits, deletions, type Happening} from './demo-changes.ts';
import {compare, showQueries} from './demo-result.ts';
import {sync, type SyncFlags} from './sync.ts';

export interface DemoFlags {
  /** Folder that keeps the database and a configuration file; left out: a temporary one. */
  readonly keep?: string;
}

const SIZE = {inputs: 300, annotations: 1200, datasets: 4, concepts: 20, resources: A_FEW};

/**
 * The main job from end to end with nothing else installed: a simulated app, an embedded Postgres and a folder sink, a first sync, a
 * second one after additions and edits, and a full one after deletions.
 * @param logger for all that happens within; a quiet one unless somebody asked for more
 */
export async function demo(context: Context, flags: DemoFlags, logger: Logger): Promise<number> {
  const {out, signal} = context.surroundings;
  const folder = await openFolder(context, flags.keep);
  const simulator = await startSimulator(SIZE);
  context.defer(() => simulator.close());
  const config = join(folder, 'clarifai-sync.yaml');
  const lake = join(folder, 'lake');
  await writeFile(config, demoConfig(simulator, lake));
  // Held open for as long as the demo lasts, so that each sync joins the server and need not start it again.
  const embedded = await openEmbedded({dataDir: join(folder, 'postgres'), log: logger.log, signal});
  context.defer(() => embedded.close());
  const surroundings: Surroundings = {...context.surroundings, logger, cwd: folder, env: {CLARIFAI_PAT: simulator.pat}};

  out(
    `A simulated Clarifai app (${simulator.url}) and an embedded Postgres (${join(folder, 'postgres')}),\nand a folder sink (${lake}).`,
  );
  const steps: readonly {title: string; happenings: () => readonly Happening[]; flags: SyncFlags}[] = [
    {title: '1. First run: everything is read', happenings: () => [], flags: {}},
    {title: '2. Incremental run', happenings: () => additionsAndEdits(simulator), flags: {}},
    {title: '3. Full run: finds what is gone', happenings: () => deletions(simulator), flags: {full: true}},
  ];
  for (const step of steps) {
    out(`\n${step.title}`);
    for (const {told, changes} of step.happenings()) {
      for (const change of changes) simulator.change(change);
      out(`  at the source: ${told}`);
    }
    const code = await runSync(surroundings, config, step.flags);
    if (code !== EXIT_CODES.ok) return code;
  }
  const isEqual = await compare(simulator, embedded.connection, out);
  await showQueries(embedded.connection, out);
  await showPublished(lake, out);
  for (const line of flags.keep === undefined ? GONE : kept(config)) out(line);
  return isEqual ? EXIT_CODES.ok : EXIT_CODES.unexpected;
}

/** One sync by the same code as the command. */
async function runSync(surroundings: Surroundings, config: string, flags: SyncFlags): Promise<number> {
  const context = new Context(surroundings, config);
  try {
    return await sync(context, flags);
  } finally {
    await context.close();
  }
}

async function openFolder(context: Context, keep: string | undefined): Promise<string> {
  if (keep === undefined) {
    const folder = await mkdtemp(join(tmpdir(), 'clarifai-sync-demo-'));
    context.defer(() => rm(folder, {recursive: true, force: true}));
    return folder;
  }
  const folder = resolve(context.surroundings.cwd, keep);
  const entries = await makeFolder(folder)
    .then(() => readdir(folder))
    .catch((error: NodeJS.ErrnoException) => {
      throw new UsageError(`--keep: the folder ${folder} cannot be used (${error.code ?? error.message})`, {
        cause: error,
      });
    });
  if (entries.length > 0) throw new UsageError(`--keep: expected a new or an empty folder, found files in ${folder}`);
  return folder;
}

/** What the runs have published in the folder sink. */
async function showPublished(lake: string, out: (line: string) => void): Promise<void> {
  const entries = await readdir(lake, {withFileTypes: true, recursive: true});
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const names = files.map((file) => file.slice(lake.length + 1)).sort();
  out(`\nIn the folder sink: ${names.filter((name) => name.endsWith('.parquet')).length} Parquet files, published by`);
  for (const name of names.filter((each) => /^_manifests\/.*\/\d{12}\.json$/.test(each))) out(`  ${name}`);
}

/** No limit on requests: the simulator is ours alone. */
function demoConfig({url, userId, appId}: Simulator, lake: string): string {
  return [
    '# Written by "clarifai-sync demo"; its simulated app is gone.',
    `source: {base_url: "${url}", requests_per_second: 0}`,
    `apps: [{user_id: ${userId}, app_id: ${appId}}]`,
    `sinks: [{name: lake, type: s3, url: "${pathToFileURL(lake).href}"}]`,
    'data_dir: postgres',
    '',
  ].join('\n');
}

const GONE = [
  '\nNothing of this is kept. To look at it at leisure: clarifai-sync demo --keep DIR',
  'For a run against your own app: clarifai-sync init, then clarifai-sync check, then clarifai-sync sync',
];

function kept(config: string): string[] {
  return [
    '\nTo look at it again (the embedded Postgres starts by itself, and stops after each command):',
    `  clarifai-sync status --config ${config}`,
    `  clarifai-sync runs --config ${config}`,
    'The simulated app is gone, so nothing more can be synced from it. For a copy of your own app in a Postgres of your own,',
    'where your tools can look at the tables: set DATABASE_URL, then clarifai-sync init --database, in another folder.',
  ];
}
