import {UsageError} from '../core/errors.ts';
import {objectPlaceOf} from '../core/places.ts';
import {scopeKind, scopeName, type Scope} from '../core/scope.ts';
import {exportScope} from '../jobs/export-scope.ts';
import {claimForExport} from '../sinks/s3/export-objects.ts';
import type {Manifest} from '../sinks/s3/manifest.ts';
import {syncedScopes, streamsRead} from '../store/row-counts.ts';
import type {Store} from '../store/ledger.ts';
import {CATALOGUE, streamNamed} from '../streams/catalogue.ts';
import type {Stream} from '../streams/stream.ts';
import type {Context} from './context.ts';
import {openApi} from './open-parts.ts';
import {NOTHING_SYNCED, storeToRead} from './read-store.ts';
import {appOf, resolveApps} from './selection.ts';
import {nameColumn} from './table-text.ts';

export interface ExportFlags {
  readonly to: string;
  readonly format: 'parquet' | 'jsonl';
  readonly stream?: readonly string[];
  readonly app?: readonly string[];
  readonly json?: boolean;
}

/** Writes the current records of the mirror as files, scope by scope. Asks nothing of the API, and changes no feed. */
export async function exportRecords(context: Context, flags: ExportFlags): Promise<number> {
  const {out, signal} = context.surroundings;
  // The address is not shown: it may hold what is no one's to see.
  if (objectPlaceOf(flags.to) === null) throw new UsageError('--to: expected s3://bucket/prefix or file:///folder');
  const named = flags.stream?.map(streamNamed) ?? null;
  const apps = flags.app?.map(appOf) ?? null;
  const isMe = apps?.some(({userId}) => userId === 'me') === true;
  const config = await context.config(isMe ? ['pat'] : []);
  const wanted = apps !== null && isMe ? await resolveApps(openApi(context, config), apps, signal) : apps;
  // eslint-disable-next-line no-restricted-syntax -- within the room; as in context.ts
  const {formatNamed, openExportPlace} = await import('./open-sink.ts');
  const place = openExportPlace(flags.to, config.sinks);
  context.defer(async () => place[Symbol.asyncDispose]());
  const store = await storeToRead(context, config);
  if (store === null) throw new UsageError(NOTHING_SYNCED);

  const chosen = await choose(store, wanted, named);
  await claimForExport(place, store.storeId);
  const manifests: Manifest[] = [];
  for (const {scope, streams} of chosen) {
    const manifest = await exportScope(store, scope, streams, place, formatNamed(flags.format), signal);
    manifests.push(manifest);
    if (flags.json !== true) for (const line of linesOf(scope, manifest, streams)) out(line);
  }
  if (flags.json === true) out(JSON.stringify({exports: manifests.map(documentOf)}));
  return 0;
}

interface Chosen {
  readonly scope: Scope;
  readonly streams: readonly Stream[];
}

/**
 * Streams that were read, of the scopes asked for: of all; or of some apps and of their users.
 * @throws UsageError for an app or a stream that is asked for and has never been read
 */
async function choose(
  store: Store,
  apps: readonly Scope[] | null,
  named: readonly Stream[] | null,
): Promise<readonly Chosen[]> {
  const synced = await syncedScopes(store);
  for (const app of apps ?? []) {
    if (!synced.some((scope) => scopeName(scope) === scopeName(app))) {
      throw new UsageError(`${scopeName(app)} was never synced here: see "clarifai-sync status"`);
    }
  }
  const scopes = synced.filter((scope) => apps === null || apps.some((app) => belongsTo(scope, app)));
  const chosen = await Promise.all(
    scopes.map(async (scope) => {
      const read = await streamsRead(store, scope);
      const streams = (named ?? CATALOGUE).filter(
        (stream) => stream.scope === scopeKind(scope) && read.has(stream.name),
      );
      return {scope, streams};
    }),
  );
  const found = chosen.filter(({streams}) => streams.length > 0);
  const missing = named?.filter((stream) => !found.some(({streams}) => streams.includes(stream))) ?? [];
  if (missing.length > 0) {
    const names = missing.map(({name}) => name).join(', ');
    throw new UsageError(`--stream: ${names} was never read in full here: see "clarifai-sync status"`);
  }
  if (found.length === 0) throw new UsageError(NOTHING_SYNCED);
  return found;
}

const belongsTo = (scope: Scope, app: Scope): boolean =>
  scope.userId === app.userId && (scope.appId === app.appId || scope.appId === '');

function linesOf(scope: Scope, manifest: Manifest, streams: readonly Stream[]): string[] {
  const {run_id: runId, entries} = manifest;
  const column = nameColumn(streams.map(({name}) => name));
  return [
    `${scopeName(scope)}: as of run ${manifest.sequence} (${runId})`,
    ...streams.map(({name}) => {
      const parts = entries.filter(({stream}) => stream === name);
      const bytes = parts.reduce((sum, {meta}) => sum + meta.content_length, 0);
      return `  ${column(name)} ${manifest.streams[name]?.rows ?? 0} records, ${parts.length} files, ${bytes} bytes`;
    }),
  ];
}

function documentOf(manifest: Manifest) {
  const {run_id, sequence, user_id, app_id, streams, entries} = manifest;
  return {
    user_id,
    app_id,
    run_id,
    sequence,
    streams,
    files: entries.map(({url, stream, meta}) => ({url, stream, ...meta})),
  };
}
