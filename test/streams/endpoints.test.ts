import {readFileSync} from 'node:fs';
import type protobuf from 'protobufjs';
import {describe, expect, test} from 'vitest';
import type {KeyPart, Path} from '../../src/core/shape.ts';
import {CATALOGUE, streamNamed} from '../../src/streams/catalogue.ts';
import {REFUSED} from '../../src/streams/refused.ts';
import type {Stream} from '../../src/streams/stream.ts';
import {loadOfficial} from '../simulator/official-messages.ts';

interface Endpoint {
  readonly name: string;
  readonly path: string;
  readonly alt_paths: readonly string[];
  readonly parents: readonly string[];
  readonly pagination: 'page' | 'last_id' | 'none';
  readonly query_params: Readonly<Record<string, string>>;
  readonly response_field: string;
  readonly record_message: string;
  readonly primary_key: readonly string[];
  readonly created_field: string | null;
  readonly modified_field: string | null;
  readonly scope: 'app' | 'user' | 'global';
  readonly removed_since: string | null;
  readonly sync: 'yes' | 'optional' | 'no';
  readonly sensitive_fields: readonly string[];
}

interface Singleton {
  readonly name: string;
  readonly path: string;
  readonly response_fields: Readonly<Record<string, string>>;
}

const FILE = new URL('../fixtures/clarifai-endpoints.json', import.meta.url);
const {endpoints, singletons} = JSON.parse(readFileSync(FILE, 'utf8')) as {
  endpoints: readonly Endpoint[];
  singletons: readonly Singleton[];
};
const root = loadOfficial();

/** The API lists inputs in two ways; StreamInputs is how all of them are read, the other is asked for ids. */
const nameOf = (stream: Stream): string => (stream.name === 'inputs' ? 'inputs_stream' : stream.name);

/** The file lists these under an app, although every app gives the same; here they belong to nobody. */
const FOR_ALL = ['model_types'];

/** Objects that the API gives one by one and that are kept as small streams. */
const KEPT_SINGLETONS: Readonly<Record<string, string>> = {
  evaluation_details: 'evaluation_detail',
  task_annotation_counts: 'task_annotation_counts',
  task_input_counts: 'task_input_counts',
};

/** Why the other single objects are no streams. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  app_detail: 'the marker, asked for at the start of each run; the app itself is in apps',
  user_detail: 'stands for the alias me, asked for at the start of each command',
  input_counts: 'source_count of the run',
  resource_counts: 'counts of kinds that are streams themselves',
  dataset_version_detail: 'the list gives the same record',
  bulk_operation_detail: 'the list gives the same record',
  model_version_metrics: 'metrics of model_versions; the matrices are in evaluation_details',
  model_version_export: 'mostly there is none, and each version would have to be asked',
  module_version_usage_count: 'removed from the API in February 2026',
  model_output_info: 'model_version_concepts and model_versions have it',
  model_version_output_info: 'model_version_concepts and model_versions have it',
};

const listed = endpoints.filter(({sync, name}) => sync !== 'no' && name !== 'inputs');

describe('the catalogue has every list of the API:', () => {
  test('what is to be synced is read by default, what is optional by name, and nothing else is there', () => {
    const byName = (is: boolean) => CATALOGUE.filter(({isDefault}) => isDefault === is).map(nameOf);
    const wanted = (sync: string) => listed.filter((endpoint) => endpoint.sync === sync).map(({name}) => name);
    expect(byName(true).sort()).toEqual(wanted('yes').sort());
    expect(byName(false).sort()).toEqual([...wanted('optional'), ...Object.keys(KEPT_SINGLETONS)].sort());
  });

  test('what is never read is refused by its name, with a reason', () => {
    const never = endpoints.filter(({sync}) => sync === 'no').map(({name}) => name);
    expect(Object.keys(REFUSED).sort()).toEqual(never.sort());
    for (const name of never) expect(() => streamNamed(name)).toThrow(`"${name}" is never read: `);
  });

  test('each single object is kept as a stream or left out for a reason', () => {
    const known = [...Object.values(KEPT_SINGLETONS), ...Object.keys(LEFT_OUT)];
    expect(known.sort()).toEqual(singletons.map(({name}) => name).sort());
  });
});

describe.each(listed.map((endpoint) => [endpoint.name, endpoint] as const))('%s', (name, endpoint) => {
  const stream = CATALOGUE.find((each) => nameOf(each) === name) as Stream;

  test('is asked for by its path, with parameters that it has', () => {
    for (const {path, query} of stream.lists) {
      expect([endpoint.path, ...endpoint.alt_paths]).toContain(path);
      const own = Object.keys(query ?? {}).filter((param) => !param.startsWith('user_app_id.'));
      expect(Object.keys(endpoint.query_params)).toEqual(expect.arrayContaining(own));
    }
  });

  test('has its scope, its pages, its field and its parents', () => {
    const pages = {page: 'numbered', last_id: 'last_id', none: 'single'}[endpoint.pagination];
    expect(stream.scope).toBe(FOR_ALL.includes(name) ? 'global' : endpoint.scope);
    expect(stream.pages).toBe(pages);
    expect(stream.responseField).toBe(endpoint.response_field);
    expect(stream.under?.stream ?? null).toBe(endpoint.parents.at(-1) ?? null);
    if (endpoint.removed_since !== null) expect(stream.removedSince).toBe(endpoint.removed_since);
    else expect(stream.removedSince).toBeUndefined();
  });

  test('has its key', () => {
    const owner = stream.scope === 'app' ? ['user_id', 'app_id'] : stream.scope === 'user' ? ['user_id'] : [];
    expect([...owner, ...stream.shape.key.map(partOf)]).toEqual(endpoint.primary_key);
  });

  test('has its stamps', () => {
    const columns = stream.shape.columns.map(({path}) => path.join('.'));
    if (endpoint.created_field !== null) expect(columns).toContain(endpoint.created_field);
    // Of a membership it is the input's own, which says nothing of the membership.
    if (endpoint.modified_field !== null && name !== 'dataset_inputs')
      expect(columns).toContain(endpoint.modified_field);
  });

  test('redacts what is sensitive', () => {
    const redacted = stream.shape.redact.map((path) => path.join('.'));
    for (const field of endpoint.sensitive_fields) {
      const place = field.replace('[]', '.*').replace(/^(worker\.users|review\.users)$/, '$1.*');
      const isCovered = redacted.some((path) => path === place || path.startsWith(`${place}.`));
      // The app's owner stands beside the collaborators, in a member of the answer that is not read.
      expect([field, isCovered || (name === 'collaborators' && field === 'app_owner')]).toEqual([field, true]);
    }
  });
});

describe.each(CATALOGUE.map((stream) => [stream.name, stream] as const))('%s', (name, stream) => {
  test('reads no place that the official message does not have', () => {
    const message = messageOf(stream);
    if (message === null) return;
    const {key, columns, volatile, redact, byIdOnly} = stream.shape;
    const places = [
      ...key.flatMap((part) =>
        part.from === 'record' ? [part.path] : part.from === 'choice' ? part.choices.map(({path}) => path) : [],
      ),
      ...columns.map(({path}) => path),
      ...volatile,
      ...redact,
      ...byIdOnly,
    ];
    expect(places.filter((path) => !hasPlace(message, path)).map((path) => path.join('.'))).toEqual([]);
  });

  test('has no column that is called like a part of its key, or twice', () => {
    const names = [
      'user_id',
      'app_id',
      ...stream.shape.key.map((part) => part.name),
      ...stream.shape.columns.map((c) => c.name),
      'raw',
    ];
    expect(names.filter((each, i) => names.indexOf(each) !== i)).toEqual([]);
  });

  test('stands behind what it is read under, and names the parts of that key in order', () => {
    if (stream.under === undefined) return;
    const parent = streamNamed(stream.under.stream);
    expect(CATALOGUE.indexOf(parent)).toBeLessThan(CATALOGUE.indexOf(stream));
    expect(Object.keys(stream.under.keys)).toEqual(parent.shape.key.map((part) => part.name));
    const ours = Object.values(stream.under.keys);
    expect(stream.shape.key.slice(0, ours.length)).toEqual(ours.map((part) => ({name: part, from: 'parent'})));
    for (const {path} of stream.lists) for (const part of ours) expect(path).toContain(`{${part}}`);
    expect(name).not.toBe(parent.name);
  });
});

test('no stream asks for work that the API would hand out', () => {
  const paths = CATALOGUE.flatMap(({lists, proof}) => [
    ...lists.map(({path}) => path),
    ...(proof.kind === 'id' ? [proof.path, proof.batch?.path ?? ''] : []),
  ]);
  expect(paths.filter((path) => /\/assignments|\/items/.test(path))).toEqual([]);
});

/** How the file writes a part of a key. */
function partOf(part: KeyPart): string {
  if (part.from !== 'record' || part.isJson === true) return part.name;
  return part.path.join('.');
}

/** The official message of a stream's records; null where there is none any more, or where they are plain values. */
function messageOf(stream: Stream): protobuf.Type | null {
  const endpoint = endpoints.find(({name}) => name === nameOf(stream));
  const singleton: Readonly<Record<string, string>> = {
    evaluation_details: 'EvalMetrics',
    task_annotation_counts: 'TaskStatusCountPerUser',
    task_input_counts: 'TaskStatusCountPerUser',
  };
  const name = endpoint?.record_message ?? singleton[stream.name] ?? '';
  if (name === 'string' || name === 'AnnotationSearchMetrics') return null;
  return root.lookupType(name === 'Status' ? 'clarifai.api.status.Status' : `clarifai.api.${name}`);
}

/** Is there such a place in a message of this type? Below free JSON there may be anything. */
function hasPlace(type: protobuf.Type, [first, ...rest]: Path): boolean {
  if (first === '*') return Object.keys(type.fields).some((name) => hasPlace(type, [name, ...rest]));
  const field = type.fields[first ?? ''];
  if (field === undefined) return false;
  if (rest.length === 0) return true;
  if (field.repeated && rest[0] !== '*') return false;
  const below = field.map || field.repeated ? rest.slice(1) : rest;
  const inner = field.resolvedType as protobuf.Type | null;
  if (inner === null || !('fields' in inner)) return false;
  return below.length === 0 || inner.fullName.startsWith('.google.protobuf.') || hasPlace(inner, below);
}
