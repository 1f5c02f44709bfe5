import {Command, CommanderError, Option} from 'commander';
import {LOG_LEVELS} from '../telemetry/log.ts';
import {Context, type Surroundings} from './context.ts';
import {sync, type SyncFlags} from './sync.ts';

/** Runs the command that `args` (without node and script) name, and gives its exit code; 2 for what is no command. */
export async function runProgram(surroundings: Surroundings, version: string, args: readonly string[]): Promise<number> {
  let exitCode = 0;
  const program = new Command('clarifai-sync');
  const withContext = async (work: (context: Context) => Promise<number>): Promise<void> => {
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
    .showHelpAfterError('(run "clarifai-sync --help" for the commands)');
  program
    .command('sync')
    .description('bring each app up to date once, now')
    .option('--app <user/app...>', 'this app only (may be repeated)')
    .option('--stream <name...>', 'this stream only (may be repeated)')
    .option('--full', 'read everything, find what was deleted')
    .option('--json', 'print one JSON document')
    .option('--allow-mass-delete', 'mark deleted what is proved gone, however much it is')
    .action((flags: SyncFlags) => withContext((context) => sync(context, flags)));
  try {
    await program.parseAsync([...args], {from: 'user'});
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? 0 : 2;
  }
  return exitCode;
}
