import type {KnownStream} from './contradictions.ts';
import type {KeyPath, Problem} from './problem.ts';
import {isMapping, mappingsAt, valueAt} from './settings.ts';
import type {Settings, Tree} from './settings.ts';

/** A key, or a value of one, whose feature this version does not have. Refused, because ignoring it would deceive. */
export interface NotYet {
  /** What it would be, as the end of a sentence: `… is not in this version`. */
  readonly reason: string;
  /** Keys of the table that it concerns, for the README. */
  readonly keys: RegExp;
  /** Where the settings ask for it. */
  readonly asked: (tree: Tree, known: readonly KnownStream[]) => readonly KeyPath[];
  /** Variable that would ask for it too; found set without the key, it is noted, not refused. */
  readonly variable?: string;
}

/** Everything the contract names that does not exist yet. Taking a row away is all that a new feature needs here. */
export const NOT_YET: readonly NotYet[] = [
  {
    reason: 'history in a postgres sink beside the store is not in this version; the store itself can keep it',
    keys: /^sinks\[\]\.history/,
    asked: (tree) =>
      sinks(tree, 'postgres', 'type')
        .slice(valueAt(tree, ['state', 'url']) === undefined ? 1 : 0)
        .map((path) => [...path.slice(0, -1), 'history'])
        .filter((path) => valueAt(tree, path) === true),
  },
  {reason: 'an app_id of "*" is not in this version; name each app', keys: /^apps\[\]\.app_id/, asked: everyApp},
  {
    reason: 'a strategy other than the catalogue’s, or list in the place of window, is not in this version',
    keys: /\.strategy$/,
    asked: (tree, known) =>
      streamOptions(tree, 'strategy').filter((path) => {
        const stream = known.find(({name}) => name === path[1]);
        if (stream === undefined) return false;
        const asked = valueAt(tree, path);
        return asked !== stream.strategy && !(asked === 'list' && stream.strategy === 'window');
      }),
  },
  {
    reason: 'redact is not in this version',
    keys: /\.redact$/,
    asked: (tree) => streamOptions(tree, 'redact').filter(notEmpty(tree)),
  },
  {
    reason: 'exclude is not in this version',
    keys: /\.exclude$/,
    asked: (tree) => streamOptions(tree, 'exclude').filter(notEmpty(tree)),
  },
  {
    reason: 'the queue on Redis is not in this version',
    keys: /^queue\./,
    asked: (tree) => set(tree, ['queue', 'url']),
    variable: 'REDIS_URL',
  },
  {
    reason: 'schedules are not in this version',
    keys: /^schedules\[\]\.name/,
    asked: (tree) => set(tree, ['schedules']).filter(notEmpty(tree)),
  },
  {
    reason: 'the HTTP service is not in this version',
    keys: /^http\./,
    asked: (tree) => [
      ...set(tree, ['http', 'host']).filter((path) => valueAt(tree, path) !== '127.0.0.1'),
      ...set(tree, ['http', 'port']).filter((path) => valueAt(tree, path) !== 8080),
      ...set(tree, ['http', 'token']),
    ],
    variable: 'CLARIFAI_SYNC_TOKEN',
  },
  {reason: 'notifications are not in this version', keys: /^notify\./, asked: (tree) => set(tree, ['notify'])},
  {
    reason: 'purging by itself is not in this version; the only value is never',
    keys: /purge_deleted_after/,
    asked: (tree) => set(tree, ['run', 'purge_deleted_after']).filter((path) => valueAt(tree, path) !== 'never'),
  },
];

/** A problem for each place that asks for what does not exist yet. */
export function findNotYet({tree, originOf}: Settings, known: readonly KnownStream[]): Problem[] {
  return NOT_YET.flatMap(({reason, asked}) =>
    asked(tree, known).map((path) => ({path, origin: originOf(path), text: `cannot be used: ${reason}`})),
  );
}

const set = (tree: Tree, path: KeyPath): KeyPath[] => (valueAt(tree, path) === undefined ? [] : [path]);

const notEmpty = (tree: Tree) => (path: KeyPath) => {
  const value = valueAt(tree, path);
  return Array.isArray(value) && value.length > 0;
};

function sinks(tree: Tree, type: string, key: string): KeyPath[] {
  return mappingsAt(tree, ['sinks']).flatMap(({path, mapping}) =>
    mapping['type'] === type && mapping[key] !== undefined ? [[...path, key]] : [],
  );
}

function streamOptions(tree: Tree, key: string): KeyPath[] {
  const options = valueAt(tree, ['stream_options']);
  return isMapping(options) ? Object.keys(options).flatMap((name) => set(tree, ['stream_options', name, key])) : [];
}

function everyApp(tree: Tree): KeyPath[] {
  return mappingsAt(tree, ['apps']).flatMap(({path, mapping}) =>
    mapping['app_id'] === '*' ? [[...path, 'app_id']] : [],
  );
}
