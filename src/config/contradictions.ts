import {objectPlaceOf} from '../core/places.ts';
import {REFUSED} from '../streams/refused.ts';
import {overlayProblem, pathOf} from '../streams/overlay.ts';
import type {Stream} from '../streams/stream.ts';
import {nearMiss} from './near-miss.ts';
import {found, pathName} from './problem.ts';
import type {KeyPath, Problem} from './problem.ts';
import {isMapping, mappingsAt, valueAt} from './settings.ts';
import type {Settings, Tree} from './settings.ts';
import {storeSchemaOf, storeSinkOf, tablesPlaceOf} from './store-sink.ts';
import type {TablesPlace} from './store-sink.ts';

/** What the configuration has to know of a stream of the catalogue. */
export type KnownStream = Pick<Stream, 'name' | 'strategy'> & Partial<Stream>;

/**
 * What is wrong although each value alone is right: names used twice, names of nothing, keys that exclude each other.
 * Works on what was written, so that it is told together with wrong types elsewhere.
 */
export function findContradictions({tree, originOf}: Settings, known: readonly KnownStream[]): Problem[] {
  const problems: Problem[] = [];
  const tell = (path: KeyPath, text: string) => problems.push({path, origin: originOf(path), text});
  const names = known.map(({name}) => name);

  for (const path of repeated(tree, ['sinks'], ['name']))
    tell([...path, 'name'], 'expected a name of its own, found that of another sink');
  for (const path of repeated(tree, ['schedules'], ['name']))
    tell([...path, 'name'], 'expected a name of its own, found that of another schedule');
  for (const path of repeated(tree, ['apps'], ['user_id', 'app_id']))
    tell(path, 'expected each app once, found it a second time');
  for (const {path, first} of sharedPlaces(tree))
    tell(path, `expected each place once, found that of ${pathName(first)} again`);

  for (const path of streamLists(tree)) {
    const list = valueAt(tree, path) as readonly unknown[];
    list.forEach((name, i) => {
      if (typeof name === 'string' && !names.includes(name)) tell([...path, i], unknownStream(name, names));
      else if (list.indexOf(name) < i) tell([...path, i], 'expected each stream once, found it a second time');
    });
  }
  const options = valueAt(tree, ['stream_options']);
  for (const name of isMapping(options) ? Object.keys(options) : []) {
    if (!names.includes(name)) tell(['stream_options', name], unknownStream(name, names));
  }
  for (const stream of known) tellStreamOptions(tree, stream, tell);

  for (const {path, mapping} of mappingsAt(tree, ['sinks'])) {
    if ((mapping['access_key_id'] === undefined) !== (mapping['secret_access_key'] === undefined)) {
      tell(path, 'expected both access_key_id and secret_access_key or neither, found one');
    }
    if (mapping['sse_kms_key_id'] !== undefined && mapping['sse'] !== 'aws:kms') {
      tell([...path, 'sse_kms_key_id'], `expected sse: aws:kms beside it, found ${found(mapping['sse'], false)}`);
    }
  }

  const stateSchema = valueAt(tree, ['state', 'schema']);
  const store = mappingsAt(tree, ['sinks']).find(({mapping}) => mapping['type'] === 'postgres');
  const sinkSchema = store?.mapping['schema'];
  if (valueAt(tree, ['state', 'url']) === undefined && stateSchema !== undefined && sinkSchema !== undefined) {
    if (store !== undefined && stateSchema !== sinkSchema) {
      tell(
        ['state', 'schema'],
        `expected the schema of the sink that is the store (${pathName(store.path)}), found ${found(stateSchema, false)}`,
      );
    }
  }

  const host = valueAt(tree, ['http', 'host']);
  if (typeof host === 'string' && !isLoopback(host) && valueAt(tree, ['http', 'token']) === undefined) {
    tell(
      ['http', 'token'],
      'expected a token, because http.host is not loopback (or CLARIFAI_SYNC_TOKEN), found nothing',
    );
  }
  return problems;
}

/** Strategies that a stream cannot have, and places that it cannot do without. */
function tellStreamOptions(tree: Tree, stream: KnownStream, tell: (path: KeyPath, text: string) => void): void {
  const at = ['stream_options', stream.name];
  const strategy = valueAt(tree, [...at, 'strategy']);
  if (typeof strategy === 'string' && strategy !== stream.strategy) {
    const mayBeList = stream.strategy === 'window';
    if (!mayBeList || strategy !== 'list') {
      const expected = mayBeList ? 'window or list' : stream.strategy;
      tell([...at, 'strategy'], `expected ${expected}, found ${found(strategy, false)}: ${WHY_ONLY[stream.strategy]}`);
    }
  }
  if (stream.shape === undefined) return;
  for (const kind of ['redact', 'exclude'] as const) {
    const list = valueAt(tree, [...at, kind]);
    for (const [i, text] of (Array.isArray(list) ? list : []).entries()) {
      const problem = typeof text === 'string' ? overlayProblem(stream as Stream, kind, pathOf(text)) : null;
      if (problem !== null) tell([...at, kind, i], `cannot be used: ${problem}`);
    }
  }
}

/** Why a stream has its strategy and no other. */
const WHY_ONLY: Record<Stream['strategy'], string> = {
  tail: 'new inputs come by StreamInputs, and a full run reads all of it',
  window: 'a search by time finds what changed; list reads everything when something has changed',
  list: 'the API has nothing but the whole list of it',
  children: 'it is read under each of its parents',
  members: 'it is read under each of its parents',
  fixed: 'it does not change once it is there',
};

/** Paths of the mappings in a list that have the same values as an earlier one under `keys`. */
function repeated(tree: Tree, list: KeyPath, keys: readonly string[]): KeyPath[] {
  const seen = new Set<string>();
  return mappingsAt(tree, list).flatMap(({path, mapping}) => {
    const values = keys.map((key) => mapping[key]);
    if (values.every((value) => value === undefined) || (keys.length > 1 && values[1] === undefined)) return [];
    const together = JSON.stringify(values);
    if (seen.has(together)) return [path];
    seen.add(together);
    return [];
  });
}

/** Paths of the sinks that are where an earlier one is, and of that one: however each is written. */
function sharedPlaces(tree: Tree): {path: KeyPath; first: KeyPath}[] {
  const sinks = mappingsAt(tree, ['sinks']);
  const postgres = sinks.map(({mapping}) => mapping).filter(({type}) => type === 'postgres');
  const written = valueAt(tree, ['state']);
  const state: TablesPlace = isMapping(written) ? written : {};
  const store = storeSinkOf(state, postgres);
  const placeOfSink = (mapping: Tree): string | null => {
    // The store's schema may be given in `state` alone.
    if (mapping === store) return tablesPlaceOf({url: mapping['url'], schema: storeSchemaOf(state, postgres)});
    if (mapping['type'] === 'postgres') return tablesPlaceOf(mapping);
    const place = typeof mapping['url'] === 'string' ? objectPlaceOf(mapping['url']) : null;
    return place === null ? null : JSON.stringify(place);
  };
  const seen = new Map<string, KeyPath>();
  return sinks.flatMap(({path, mapping}) => {
    const place = placeOfSink(mapping);
    const first = place === null ? undefined : seen.get(place);
    if (place !== null && first === undefined) seen.set(place, path);
    return first === undefined ? [] : [{path, first}];
  });
}

function streamLists(tree: Tree): KeyPath[] {
  const paths: KeyPath[] = [['streams'], ...mappingsAt(tree, ['sinks']).map(({path}) => [...path, 'streams'])];
  return paths.filter((path) => Array.isArray(valueAt(tree, path)));
}

function unknownStream(name: string, names: readonly string[]): string {
  if (Object.hasOwn(REFUSED, name))
    return `expected the name of a stream, found ${found(name, false)}, which is never read: ${REFUSED[name]}`;
  const meant = nearMiss(name, names);
  return `expected the name of a stream (see \`streams\`), found ${found(name, false)}${meant === undefined ? '' : `; did you mean ${meant}?`}`;
}

const isLoopback = (host: string) => host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
