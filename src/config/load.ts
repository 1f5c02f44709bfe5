import {readFile as readFileFromDisk} from 'node:fs/promises';
import {dirname, relative, resolve} from 'node:path';
import {assemble} from './assemble.ts';
import type {Config} from './config.ts';
import {findContradictions} from './contradictions.ts';
import type {KnownStream} from './contradictions.ts';
import {readDocument, settingsOf} from './document.ts';
import {errorCode, FIXED_VARIABLES, readVariables} from './environment.ts';
import type {Variables} from './environment.ts';
import {fillFromEnvironment} from './fill.ts';
import {ConfigError} from './problem.ts';
import type {KeyPath, Problem} from './problem.ts';
import {PAT_EXPECTED} from './secrets.ts';
import {placeOf, valueAt} from './settings.ts';
import type {Settings} from './settings.ts';
import {checkShape, foundAt} from './shape.ts';
import {tellUnset} from './unset.ts';

/** Read when no file is named and it is there. */
export const DEFAULT_FILE = 'clarifai-sync.yaml';

/** What a command cannot do without: `status` needs neither, `sync --app U/A` no apps. */
export type ConfigNeed = 'pat' | 'apps';

export interface LoadConfigOptions {
  /** The file named by `--config`, relative to `cwd`; it must be there then. */
  readonly file?: string | undefined;
  /** `process.env`; nothing else reads it. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** The catalogue. */
  readonly knownStreams: readonly KnownStream[];
  /** Both unless named. */
  readonly needs?: readonly ConfigNeed[];
  /** Text of a file, as UTF-8; errors carry the system's `code`. */
  readonly readFile?: (path: string) => Promise<string>;
}

/**
 * The configuration from file and environment, deep-frozen. Throws one ConfigError that lists everything that is wrong,
 * each with its place, what was expected and what was found; secrets are never in it.
 */
export async function loadConfig(options: LoadConfigOptions): Promise<Config> {
  const {
    env,
    cwd,
    knownStreams,
    needs = ['pat', 'apps'],
    readFile = (path) => readFileFromDisk(path, 'utf8'),
  } = options;
  const file = await readConfigFile(options.file, cwd, readFile);
  const document = readDocument(file.name, file.text);
  const {variables, problems} = await readVariables([...FIXED_VARIABLES, ...document.references], {env, cwd, readFile});
  const written = settingsOf(document, variables);
  const {settings, notes} = fillFromEnvironment(written, variables, document.references);

  const shaped = checkShape(settings);
  const unset = tellUnset(settings);
  problems.push(...settings.problems, ...unset.problems, ...(shaped.kind === 'bad' ? shaped.problems : []));
  problems.push(...findContradictions(settings, knownStreams));
  // A text that is not YAML has no keys to be missed.
  if (isReadable(written)) problems.push(...findMissing(settings, variables, needs));
  if (shaped.kind === 'bad' || problems.length > 0) throw new ConfigError(inOrder(onePerPlace(problems)));

  return assemble(shaped.values, {
    file: file.path,
    folder: file.path === null ? cwd : dirname(file.path),
    notes: [...unset.notes, ...notes],
  });
}

async function readConfigFile(
  named: string | undefined,
  cwd: string,
  readFile: (path: string) => Promise<string>,
): Promise<{path: string | null; name: string; text: string}> {
  const path = resolve(cwd, named ?? DEFAULT_FILE);
  const name = named ?? relative(cwd, path);
  try {
    return {path, name, text: await readFile(path)};
  } catch (error) {
    const code = errorCode(error);
    if (named === undefined && code === 'ENOENT') return {path: null, name, text: ''};
    const text = `expected a configuration file that can be read, found ${code === 'ENOENT' ? 'no such file' : code}`;
    throw new ConfigError([{path: [], origin: name, text}]);
  }
}

function findMissing(settings: Settings, variables: Variables, needs: readonly ConfigNeed[]): Problem[] {
  const problems: Problem[] = [];
  const tell = (path: KeyPath, expected: string, found = foundAt(path, undefined, settings)) => {
    const origin = settings.unset.has(placeOf(path)) ? settings.originOf(path) : null;
    problems.push({path, origin, text: `expected ${expected}, found ${found}`});
  };
  const {tree} = settings;
  if (needs.includes('pat') && valueAt(tree, ['source', 'pat']) === undefined) tell(['source', 'pat'], PAT_EXPECTED);

  const apps = valueAt(tree, ['apps']);
  if (needs.includes('apps') && (apps === undefined || (Array.isArray(apps) && apps.length === 0))) {
    const half = ['CLARIFAI_USER_ID', 'CLARIFAI_APP_ID'].filter((name) => variables.has(name));
    const expected = 'at least one app, here or in CLARIFAI_USER_ID and CLARIFAI_APP_ID';
    tell(['apps'], expected, half.length === 1 ? `${half.join()} alone` : 'nothing');
  }
  return problems;
}

const isReadable = ({problems}: Settings) => !problems.some(({path}) => path.length === 0);

/** The first problem of each place; later ones there follow from it. What has no place is always told. */
function onePerPlace(problems: readonly Problem[]): Problem[] {
  const seen = new Set<string>();
  return problems.filter(({path}) => path.length === 0 || (!seen.has(placeOf(path)) && seen.add(placeOf(path))));
}

/** As they come in the file; what is not in the file last. */
function inOrder(problems: readonly Problem[]): Problem[] {
  const positionOf = ({origin}: Problem) => {
    const [, line, column] = /:(\d+):(\d+)$/.exec(origin ?? '') ?? [];
    return line === undefined ? Infinity : Number(line) * 1_000_000 + Number(column);
  };
  return problems.toSorted((a, b) => (positionOf(a) === positionOf(b) ? 0 : positionOf(a) - positionOf(b)));
}
