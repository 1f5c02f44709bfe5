import type {Variables} from './environment.ts';
import type {KeyPath} from './problem.ts';
import {mappingsAt, placeOf, valueAt, withValue} from './settings.ts';
import type {Settings} from './settings.ts';

/** What the environment gives to keys that the file leaves out; the table says the same (`env` of its rows). */
export const DOCUMENTED: readonly {readonly path: KeyPath; readonly variable: string}[] = [
  {path: ['source', 'base_url'], variable: 'CLARIFAI_API_BASE'},
  {path: ['source', 'pat'], variable: 'CLARIFAI_PAT'},
  {path: ['queue', 'url'], variable: 'REDIS_URL'},
  {path: ['http', 'token'], variable: 'CLARIFAI_SYNC_TOKEN'},
];

/**
 * Adds to the settings what the file leaves out and the environment has. A key that is there is never changed, also
 * one that names a variable without a value: what the file says, it means.
 * @returns the settings, and a note for each variable that is set and changes nothing
 */
export function fillFromEnvironment(
  settings: Settings,
  variables: Variables,
  references: readonly string[],
): {settings: Settings; notes: string[]} {
  let {tree} = settings;
  const origins = new Map<string, string>();
  const notes: string[] = [];
  // A plain value where a mapping belongs is a mistake to be told, not to be written over.
  const isBlocked = (path: KeyPath) =>
    path.some((_, i) => ['string', 'number', 'boolean'].includes(typeof valueAt(tree, path.slice(0, i))));
  const isLeftOut = (path: KeyPath) =>
    valueAt(tree, path) === undefined && !settings.unset.has(placeOf(path)) && !isBlocked(path);
  const fill = (path: KeyPath, variable: string) => {
    tree = withValue(tree, path, variables.get(variable)?.text);
    origins.set(placeOf(path), variable);
  };
  const noteUnused = (variable: string, reason: string) => {
    if (!references.includes(variable)) notes.push(`${variable} is set but not used: ${reason}`);
  };

  for (const {path, variable} of DOCUMENTED) {
    if (!variables.has(variable) || !isLeftOut(path)) continue;
    fill(path, variable);
  }

  const userId = variables.get('CLARIFAI_USER_ID')?.text;
  const appId = variables.get('CLARIFAI_APP_ID')?.text;
  if (userId !== undefined && appId !== undefined && isLeftOut(['apps'])) {
    tree = withValue(tree, ['apps'], [{}]);
    fill(['apps', 0, 'user_id'], 'CLARIFAI_USER_ID');
    fill(['apps', 0, 'app_id'], 'CLARIFAI_APP_ID');
  }

  if (variables.has('DATABASE_URL')) {
    const isStoreNamed = valueAt(tree, ['state', 'url']) !== undefined;
    if (isLeftOut(['sinks']) && !isStoreNamed) {
      tree = withValue(tree, ['sinks'], [{name: 'warehouse', type: 'postgres'}]);
    }
    const without = mappingsAt(tree, ['sinks']).filter(
      ({path, mapping}) => mapping['type'] === 'postgres' && isLeftOut([...path, 'url']),
    );
    for (const {path} of without) fill([...path, 'url'], 'DATABASE_URL');
    if (without.length === 0) {
      noteUnused(
        'DATABASE_URL',
        isStoreNamed ? 'the file names the store in state.url' : 'the file has sinks of its own',
      );
    }
  }

  const originOf = (path: KeyPath) => origins.get(placeOf(path)) ?? settings.originOf(path);
  return {settings: {...settings, tree, originOf}, notes};
}
