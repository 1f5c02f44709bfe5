import {Command, CommanderError, Option} from 'commander';
import type {SimulateFlags} from '../simulator/main.ts';
import {LOG_LEVELS} from '../telemetry/log.ts';
import {createLogger} from '../telemetry/logger.ts';
import {load} from './commands.ts';
import type {Context, Surroundings} from './context.ts';
import type {DemoFlags} from './demo.ts';
import type {EstimateFlags} from './estimate.ts';
import type {ExportFlags} from './export.ts';
import type {InitFlags} from './init.ts';
import type {PurgeFlags} from './purge.ts';
import type {ReplayFlags} from './replay.ts';
import type {ResetFlags} from './reset.ts';
import type {StartFlags} from './start.ts';
import type {SyncFlags} from './sync.ts';
import type {VerifyFlags} from './verify.ts';

/** Runs the command that `args` (without node and script) name, and gives its exit code; 2 for what is no command. */
export async function runProgram(
  surroundings: Surroundings,
  version: string,
  args: readonly string[],
): Promise<number> {
  let exitCode = 0;
  const program = new Command('clarifai-sync');
  const run: Run = async (work) => {
    const {Context} = await load.context();
    const context = new Context(surroundings, program.opts<{config?: string}>().config);
    try {
      exitCode = await work(context);
    } finally {
      await context.close();
    }
  };
  program
    .description('Keeps a copy of a Clarifai app current in a data warehouse.')
    .version(version)
    .option('--config <file>', 'configuration file (default: ./clarifai-sync.yaml if it is there)')
    .addOption(new Option('--log-level <level>', 'least level to log').choices([...LOG_LEVELS]).default('info'))
    .exitOverride()
    .configureOutput({writeOut: (text) => surroundings.out(text.replace(/\n$/, '')), writeErr: surroundings.err})
    .configureHelp({showGlobalOptions: true})
    .showHelpAfterError('(run "clarifai-sync --help" for the commands)')
    .addHelpText('after', EXIT_CODES_TEXT);
  addSetUp(program, run);
  addSyncing(program, run);
  addLooking(program, run);
  addTrying(program, run);
  try {
    await program.parseAsync([...args], {from: 'user'});
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? 0 : 2;
  }
  return exitCode;
}

/** Gives the work of a command its context, and closes that afterwards. */
type Run = (work: (context: Context) => Promise<number>) => Promise<void>;

const JSON_FLAG = ['--json', 'print one JSON document'] as const;

function addSetUp(program: Command, run: Run): void {
  program
    .command('init')
    .description('write a commented clarifai-sync.yaml; asks on a terminal, never overwrites')
    .option('--app <user/app...>', 'app to copy; USER may be "me" (may be repeated)')
    .option('--database', 'keep the copy in the Postgres that DATABASE_URL names')
    .option('--no-database', 'keep it in an embedded Postgres')
    .addHelpText(
      'after',
      examples(
        ['clarifai-sync init', 'asks what it has to know'],
        ['clarifai-sync init --app me/plants --database', 'asks nothing'],
      ),
    )
    .action((flags: InitFlags) =>
      run(async (context) => (await load.init()).init(context, flags, program.opts<{config?: string}>().config)),
    );
  program
    .command('check')
    .description('try configuration, credential, apps, streams, store, queue and every sink; one line each')
    .addHelpText(
      'after',
      examples(
        ['clarifai-sync check', 'with ./clarifai-sync.yaml or the environment'],
        ['CLARIFAI_PAT_FILE=/run/secrets/pat clarifai-sync check', 'with the token from a file'],
      ),
    )
    .action(() => run(async (context) => (await load.check()).check(context)));
  const streams = program
    .command('streams')
    .description('the kinds of records that can be copied')
    .option(...JSON_FLAG)
    .addHelpText(
      'after',
      examples(
        ['clarifai-sync streams', 'all of them, a line each'],
        ['clarifai-sync streams show annotations --schema', "one, with its table's columns"],
      ),
    )
    .action(({json}: {json?: boolean}) =>
      run(async (context) => (await load.streams()).listStreams(context.surroundings, json === true)),
    );
  streams
    .command('show <name>')
    .description('one stream: key, strategy, proof, columns')
    .option('--schema', 'with type and meaning of every column of its table')
    .option(...JSON_FLAG)
    .action((name: string, flags: {schema?: boolean}, command: Command) =>
      // `--json` may be given to either of the two commands.
      run(async (context) =>
        (await load.streams()).showStream(context.surroundings, name, {...flags, json: isJson(command)}),
      ),
    );
}

function addSyncing(program: Command, run: Run): void {
  program
    .command('sync')
    .description('bring each app up to date once, now')
    .option('--app <user/app...>', 'this app only (may be repeated)')
    .option('--stream <name...>', 'this stream only (may be repeated)')
    .option('--full', 'read everything, find what was deleted')
    .option('--snapshot', 'publish all current records to the S3 sinks too')
    .option(...JSON_FLAG)
    .option('--allow-mass-delete', 'mark deleted what is proved gone, however much it is')
    .option('--take-over', 'feed a sink that another store fed before')
    .addHelpText(
      'after',
      examples(
        ['clarifai-sync sync', 'what changed, of every app of the configuration'],
        ['clarifai-sync sync --full', 'everything, deletions included: once a night, say'],
        ['clarifai-sync sync --app me/plants --stream inputs', 'one stream of one app'],
        ['clarifai-sync sync --app me/plants --json | jq .outcome', 'for scripts; several apps give an array'],
      ),
    )
    .action((flags: SyncFlags) => run(async (context) => (await load.sync()).sync(context, flags)));
  program
    .command('start')
    .description('the service: runs by schedule, until it is told to end')
    .option('--roles <roles>', 'some of scheduler, worker, http (default: all)')
    .addHelpText(
      'after',
      examples(
        ['clarifai-sync start', 'everything in one process'],
        ['clarifai-sync start --roles worker', 'one more worker, on this machine or another'],
      ),
    )
    .action((flags: StartFlags) => run(async (context) => (await load.start()).start(context, flags)));
  program
    .command('estimate')
    .description('requests and time that a first run and one with nothing changed will take')
    .option('--app <user/app...>', 'this app only (may be repeated)')
    .option(...JSON_FLAG)
    .addHelpText('after', examples(['clarifai-sync estimate --app me/plants', 'before the first run']))
    .action((flags: EstimateFlags) => run(async (context) => (await load.estimate()).estimate(context, flags)));
  program
    .command('export')
    .description('current records from the store as files; asks nothing of the API')
    .requiredOption('--to <url>', 's3://bucket/prefix or file:///folder')
    .addOption(new Option('--format <format>', 'of the files').choices(['parquet', 'jsonl']).default('parquet'))
    .option('--app <user/app...>', 'this app only (may be repeated)')
    .option('--stream <name...>', 'this stream only (may be repeated)')
    .option(...JSON_FLAG)
    .addHelpText(
      'after',
      examples(
        ['clarifai-sync export --to file:///tmp/plants', 'everything, as Parquet'],
        ['clarifai-sync export --to s3://bucket/plants --format jsonl --stream inputs', 'one stream, as JSON lines'],
      ),
    )
    .action((flags: ExportFlags) => run(async (context) => (await load.exporting()).exportRecords(context, flags)));
  program
    .command('reset')
    .description('forget how far a stream was read, so that the next run reads all of it; rows stay')
    .requiredOption('--app <user/app>', 'the app')
    .requiredOption('--stream <name>', 'the stream')
    .option('--yes', 'do not ask')
    .addHelpText('after', examples(['clarifai-sync reset --app me/plants --stream annotations --yes', 'for scripts']))
    .action((flags: ResetFlags) => run(async (context) => (await load.reset()).reset(context, flags)));
  program
    .command('purge')
    .description('remove for good the rows that are marked deleted, and their history; a run of its own')
    .option('--deleted-before <date>', 'only what was marked deleted before this date or time (default: now)')
    .option('--app <user/app...>', 'this app only (may be repeated)')
    .option('--stream <name...>', 'this stream only (may be repeated)')
    .option(...JSON_FLAG)
    .option('--yes', 'do not ask')
    .addHelpText('after', examples(['clarifai-sync purge --deleted-before 2024-05-31 --yes', 'for scripts']))
    .action((flags: PurgeFlags) => run(async (context) => (await load.purge()).purge(context, flags)));
}

function addLooking(program: Command, run: Run): void {
  program
    .command('status')
    .description('where each app and stream stands: last run, outcome, counts, lag')
    .option(...JSON_FLAG)
    .addHelpText(
      'after',
      examples(
        ['clarifai-sync status', 'for people'],
        [`clarifai-sync status --json | jq '.scopes[].lag_seconds'`, 'for a monitor'],
      ),
    )
    .action(({json}: {json?: boolean}) => run(async (context) => (await load.status()).status(context, json === true)));
  program
    .command('verify')
    .description('compare source, store and sinks; exit code 6 when something differs')
    .option('--app <user/app...>', 'this app only (may be repeated)')
    .option('--stream <name...>', 'this stream only (may be repeated)')
    .option('--sample <n>', 'so many records of each stream are read again (default: 100)')
    .option('--full', 'all records are read again')
    .option(...JSON_FLAG)
    .addHelpText(
      'after',
      examples(
        ['clarifai-sync verify', 'counts, a sample of the records, every sink'],
        ['clarifai-sync verify --full --stream annotations', 'every record of one stream'],
      ),
    )
    .action((flags: VerifyFlags) => run(async (context) => (await load.verify()).verify(context, flags)));
  const runs = program
    .command('runs')
    .description('runs, newest first')
    .option('--json', 'print one JSON document a line')
    .option('--limit <n>', 'so many at most (default: 20)')
    .addHelpText(
      'after',
      examples(
        ['clarifai-sync runs --limit 5', 'the last five'],
        ['clarifai-sync runs show 0b54c6ab-5f2c-4b0e-9f0e-8a2e6a2f9d11', 'all about one'],
      ),
    )
    .action((flags: {json?: boolean; limit?: string}) =>
      run(async (context) => (await load.runs()).listRuns(context, flags)),
    );
  runs
    .command('show <run_id>')
    .description('one run with every stream, pages, waits and errors')
    .option(...JSON_FLAG)
    .action((runId: string, _flags: object, command: Command) =>
      run(async (context) => (await load.runs()).showRun(context, runId, isJson(command))),
    );
  const rejects = program
    .command('rejects')
    .description('records that could not be stored, or not as they were')
    .addHelpText(
      'after',
      examples(
        ['clarifai-sync rejects list --stream annotations', 'those of one stream'],
        ['clarifai-sync rejects show 17', 'one, with the record as it came'],
      ),
    );
  rejects
    .command('list')
    .description('those that are still open, newest first')
    .option('--stream <name...>', 'of this stream only (may be repeated)')
    .option('--limit <n>', 'so many at most (default: 100)')
    .option(...JSON_FLAG)
    .action((flags: {stream?: string[]; limit?: string; json?: boolean}) =>
      run(async (context) => (await load.rejects()).listRejects(context, flags)),
    );
  rejects
    .command('show <id>')
    .description('one of them, with the reason and the record as it came')
    .option(...JSON_FLAG)
    .action((id: string, {json}: {json?: boolean}) =>
      run(async (context) => (await load.rejects()).showReject(context, id, json === true)),
    );
  rejects
    .command('replay')
    .description('try to store them again, after an upgrade or a change of settings; a run of its own')
    .option('--stream <name...>', 'those of this stream only (may be repeated)')
    .option(...JSON_FLAG)
    .action((flags: ReplayFlags) => run(async (context) => (await load.replay()).replay(context, flags)));
}

function addTrying(program: Command, run: Run): void {
  program
    .command('demo')
    .description('the whole thing with a simulated app and an embedded Postgres; nothing else is needed')
    .option('--keep <dir>', 'keep the database and a configuration in this new folder')
    .addHelpText(
      'after',
      examples(
        ['clarifai-sync demo', 'half a minute at most'],
        ['clarifai-sync demo --keep ./demo', 'to look around afterwards'],
      ),
    )
    .action((flags: DemoFlags) =>
      run(async (context) => (await load.demo()).demo(context, flags, demoLogger(program, context.surroundings))),
    );
  program
    .command('simulate')
    .description('a stand-in for the Clarifai API, to try the service against; runs until Ctrl-C')
    .option('--port <n>', 'port to listen on, 0 for any that is free (default: 8787)')
    .option('--host <address>', 'address to listen on (default: 127.0.0.1)')
    .option('--inputs <n>', 'inputs of the app (default: 1000)')
    .option('--annotations <n>', 'annotations (default: four for each input)')
    .option('--datasets <n>', 'datasets (default: 5)')
    .option('--versions <n>', 'versions of each dataset (default: 4)')
    .option('--concepts <n>', 'concepts (default: 40)')
    .option('--seed <text>', 'the same seed and sizes give the same records (default: 1)')
    .option('--latency <ms>', 'wait before each answer (default: 0)')
    .option('--rate <n>', 'requests let through in a second, 0 for any (default: 0)')
    .option('--pat <token>', 'the token that it takes (default: simulator-pat)')
    .option('--user-id <id>', 'user that the app belongs to (default: acme)')
    .option('--app-id <id>', 'the app (default: plants)')
    .addHelpText(
      'after',
      examples(['clarifai-sync simulate --inputs 20000 --rate 15 --latency 200', 'as slow as the real one']),
    )
    .action((flags: SimulateFlags) => run(async (context) => (await load.simulate()).simulate(context, flags)));
}

/** Of this command or of the one above it. */
function isJson(command: Command): boolean {
  return command.optsWithGlobals<{json?: boolean}>().json === true;
}

/** Within the demo only trouble is logged, unless a level was named: its own lines tell the story. */
function demoLogger(program: Command, {logger, isTerminal, err}: Surroundings) {
  if (program.getOptionValueSource('logLevel') !== 'default') return logger;
  return createLogger({level: 'warn', format: isTerminal ? 'human' : 'json', write: err});
}

function examples(...lines: readonly (readonly [command: string, does: string])[]): string {
  const width = Math.max(...lines.map(([command]) => command.length));
  return `\nExamples:\n${lines.map(([command, does]) => `  ${command.padEnd(width)}  # ${does}`).join('\n')}`;
}

const EXIT_CODES_TEXT = `
Examples:
  clarifai-sync demo                      # everything at once, with nothing set up
  clarifai-sync init                      # write clarifai-sync.yaml
  clarifai-sync check                     # try it
  clarifai-sync sync                      # copy what changed; the first time, everything
  clarifai-sync <command> --help          # more examples

Without a file, CLARIFAI_PAT, CLARIFAI_USER_ID and CLARIFAI_APP_ID are enough; DATABASE_URL says where the copy goes.

Exit codes: 0 done; 1 unexpected; 2 usage or configuration; 3 credential or scope; 4 store or queue;
5 partial, the rest is committed; 6 verify found drift; 75 try again later; 130, 143 ended by SIGINT, SIGTERM`;
