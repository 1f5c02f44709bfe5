import {writeFile} from 'node:fs/promises';
import {dirname, relative, resolve, sep} from 'node:path';
import {fileURLToPath} from 'node:url';
import {DEFAULT_FILE} from '../config/load.ts';
import {UsageError} from '../core/errors.ts';
import {scopeName, type Scope} from '../core/scope.ts';
import type {Ask} from './ask.ts';
import type {Context} from './context.ts';
import {configText} from './init-text.ts';
import {appOf} from './selection.ts';

export interface InitFlags {
  readonly app?: readonly string[];
  readonly database?: boolean;
}

/** Writes a commented configuration file; asks for what no flag gave. Never touches a file that is there. */
export async function init(context: Context, flags: InitFlags, configFile: string | undefined): Promise<number> {
  const {cwd, env, ask, out} = context.surroundings;
  const file = resolve(cwd, configFile ?? DEFAULT_FILE);
  const apps = flags.app?.map(appOf) ?? [await askForApp(ask, appInEnvironment(env))];
  const isDatabase = flags.database ?? (ask === undefined ? false : await askForDatabase(ask));
  const text = configText({apps, isDatabase, schemaFile: schemaFor(file)});
  try {
    await writeFile(file, text, {flag: 'wx'});
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (code === 'EEXIST') throw new UsageError(`${file} is there already, and was not changed`, {cause: error});
    throw new UsageError(`${file} cannot be written (${code})`, {cause: error});
  }
  const needed = ['CLARIFAI_PAT', ...(isDatabase ? ['DATABASE_URL'] : [])].filter((name) => (env[name] ?? '') === '');
  out(`wrote ${relative(cwd, file) || file} for ${apps.map(scopeName).join(', ')}`);
  out(`${needed.length === 0 ? 'next' : `next: set ${needed.join(' and ')}, then`}: clarifai-sync check`);
  return 0;
}

function appInEnvironment(env: Readonly<Record<string, string | undefined>>): Scope | null {
  const [userId = '', appId = ''] = [env['CLARIFAI_USER_ID'], env['CLARIFAI_APP_ID']];
  return userId === '' || appId === '' ? null : {userId, appId};
}

async function askForApp(ask: Ask | undefined, preset: Scope | null): Promise<Scope> {
  if (ask === undefined) {
    if (preset !== null) return preset;
    throw new UsageError(
      'init needs --app USER/APP (or CLARIFAI_USER_ID and CLARIFAI_APP_ID): there is no terminal to ask on',
    );
  }
  const hint = preset === null ? '' : ` [${scopeName(preset)}]`;
  const answer = await ask(`Which app, as USER/APP (USER may be "me")?${hint} `);
  return answer === '' && preset !== null ? preset : appOf(answer);
}

async function askForDatabase(ask: Ask): Promise<boolean> {
  const answer = await ask('Keep the copy in the Postgres that DATABASE_URL names? Else in one of our own. [y/N] ');
  return /^y(es)?$/i.test(answer);
}

/** The shipped schema, as the editor finds it from the file's folder. */
function schemaFor(file: string): string {
  const schema = fileURLToPath(new URL('../../../config.schema.json', import.meta.url));
  const path = relative(dirname(file), schema).split(sep).join('/');
  return path.startsWith('.') ? path : `./${path}`;
}
