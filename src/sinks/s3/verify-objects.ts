import {createHash} from 'node:crypto';
import type {ObjectStore} from '../objects/object-store.ts';
import {FAULTS_TOLD, type SinkFault, type SinkFindings, type SinkStreamFindings, type VerifyOrder} from '../sink.ts';
import {parseManifestKey, type ScopeLayout} from './layout.ts';
import {parseLatest, parseManifest, type Manifest} from './manifest.ts';
import {partKey} from './retire.ts';

/** What the manifests of a scope come to, one after the other. */
interface Fold {
  /** Rows of the newest snapshot and of the changes behind it; those that came back are not counted again. */
  readonly rows: Map<string, number>;
  /** How many more or fewer those may be: who is updated may have come back, who is deleted may have been so before. */
  readonly slack: Map<string, number>;
  positions: Readonly<Record<string, number>>;
}

/**
 * Compares what is published of a scope with the mirror: each part is there as its manifest says (length, SHA-256), the
 * manifests follow one another without a gap, the pointer shows what is there, and the rows of the newest snapshot and of
 * the changes behind it come to as many as live in the mirror. One part is in memory at a time.
 */
export async function verifyObjects(
  store: ObjectStore,
  layout: ScopeLayout,
  streams: ReadonlySet<string> | null,
  order: VerifyOrder,
  signal: AbortSignal,
): Promise<SinkFindings> {
  const faults: SinkFault[] = [];
  const tell = (text: string, runId: string | null): void => void faults.push({text, runId});
  const names = await manifestNames(store, layout);
  const newestSnapshot = names.findLast(({kind}) => kind === 'snapshot')?.sequence ?? 0;
  const fold: Fold = {rows: new Map(), slack: new Map(), positions: {}};
  let previous: number | null = null;
  let checked = 0;
  for (const {key, kind, sequence} of names) {
    const bytes = await store.get(key);
    if (bytes === null) continue;
    const manifest = parseManifest(bytes, store.urlOf(key));
    if (kind === 'changes') {
      if (previous !== null && manifest.previous_sequence > previous) {
        tell(`${key}: goes on from run ${manifest.previous_sequence}, whose manifest is missing`, manifest.run_id);
      }
      previous = sequence;
    } else previous = Math.max(previous ?? 0, sequence);
    for (const entry of manifest.entries) {
      signal.throwIfAborted();
      const fault = await partFault(store, partKey(layout, manifest, entry), entry.meta);
      if (fault !== null) tell(fault, manifest.run_id);
      checked++;
      order.onSign();
    }
    if (kind === 'snapshot' ? sequence === newestSnapshot : sequence > newestSnapshot) addTo(fold, manifest);
  }
  await checkPointer(store, layout, names, tell);
  const found = await countsOf(fold, streams, order);
  const objects = {stream: '', sequence: null, rows: 0, differing: faults.length, faults: faults.slice(0, FAULTS_TOLD)};
  return {streams: [objects, ...found], checked};
}

type Name = {readonly key: string; readonly kind: 'changes' | 'snapshot'; readonly sequence: number};

/** Manifests of runs and snapshots in order; of one run the changes first. */
async function manifestNames(store: ObjectStore, layout: ScopeLayout): Promise<Name[]> {
  const names: Name[] = [];
  for await (const {key} of store.list(layout.manifests())) {
    const name = parseManifestKey(key);
    if (name === null || name.kind === 'stream') continue;
    names.push({key, kind: name.kind, sequence: name.sequence});
  }
  return names.sort((a, b) => a.sequence - b.sequence || (a.kind === 'changes' ? -1 : 1));
}

async function partFault(
  store: ObjectStore,
  key: string,
  {content_length: length, sha256}: Manifest['entries'][number]['meta'],
): Promise<string | null> {
  const bytes = await store.get(key);
  if (bytes === null) return `${key}: listed in its manifest and not there`;
  if (bytes.length !== length) return `${key}: expected ${length} bytes, found ${bytes.length}`;
  const found = createHash('sha256').update(bytes).digest('hex');
  return found === sha256 ? null : `${key}: expected SHA-256 ${sha256}, found ${found}`;
}

function addTo(fold: Fold, manifest: Manifest): void {
  const isWhole = manifest.kind === 'snapshot';
  for (const [stream, {rows, inserted, updated, deleted}] of Object.entries(manifest.streams)) {
    const before = isWhole ? 0 : (fold.rows.get(stream) ?? 0);
    fold.rows.set(stream, before + (isWhole ? rows : inserted - deleted));
    fold.slack.set(stream, isWhole ? 0 : (fold.slack.get(stream) ?? 0) + updated + deleted);
  }
  fold.positions = manifest.positions;
}

async function checkPointer(
  store: ObjectStore,
  layout: ScopeLayout,
  names: readonly Name[],
  tell: (text: string, runId: string | null) => void,
): Promise<void> {
  const newest = names.at(-1);
  if (newest === undefined) return;
  const key = layout.latest();
  const bytes = await store.get(key);
  if (bytes === null) return tell(`${key}: not there, although ${newest.key} is`, null);
  const latest = parseLatest(bytes, store.urlOf(key));
  if (latest.sequence < newest.sequence) {
    tell(`${key}: shows run ${latest.sequence}, and ${newest.key} is there`, latest.run_id);
  }
  const there = new Set(names.map((name) => name.key.split('/').at(-1)));
  for (const url of [latest.manifest, latest.snapshot_manifest]) {
    if (url !== null && !there.has(url.split('/').at(-1)))
      tell(`${key}: shows ${url}, which is not there`, latest.run_id);
  }
}

async function countsOf(
  {rows, slack, positions}: Fold,
  streams: ReadonlySet<string> | null,
  {tables, mirror}: VerifyOrder,
): Promise<SinkStreamFindings[]> {
  const found: SinkStreamFindings[] = [];
  for (const {stream} of tables) {
    const sequence = positions[stream] ?? null;
    if (!(streams?.has(stream) ?? true) || sequence === null) continue;
    const {settled, unsettled} = await mirror.live(stream, sequence);
    const listed = rows.get(stream) ?? 0;
    const isRight = listed <= settled + unsettled && listed + (slack.get(stream) ?? 0) >= settled;
    const text = `${stream}: the manifests come to ${listed} records, the store had ${settled} as of run ${sequence}`;
    found.push({
      stream,
      sequence,
      rows: listed,
      differing: isRight ? 0 : 1,
      faults: isRight ? [] : [{text, runId: null}],
    });
  }
  return found;
}
