import {parsed} from '../core/parsed.ts';
import {preparePage} from '../core/prepare.ts';
import type {SourceRecords} from '../source/pages.ts';
import {replayable, resolveOutlived, resolveStored, type Replayable, type Replayed} from '../store/replayable.ts';
import type {HeldTask} from '../store/tasks.ts';
import type {Stream} from '../streams/stream.ts';
import type {JobDeps} from './deps.ts';
import {PageGroups} from './page-groups.ts';
import {batchOf, recordsOf, type Extent} from './records-of.ts';

/** Rejects that are tried at once: some MiB of what the ledger holds of them. */
const REJECTS_AT_ONCE = 100;

/**
 * Tries again to store what was rejected of a stream, the way that every record goes: from the ledger where it holds the
 * whole record, else as the source has it now. What is stored then is resolved, what is not stays. May be repeated.
 * @returns whether there was anything to try
 */
export async function replayRejects(
  deps: JobDeps,
  task: HeldTask,
  stream: Stream,
  signal: AbortSignal,
): Promise<boolean> {
  const {store} = deps;
  await resolveOutlived(store, task, stream);
  const parents = new Map<string, readonly string[]>();
  let after = '0';
  let hasTried = false;
  for (;;) {
    signal.throwIfAborted();
    const rejects = await replayable(store, task, stream, after, REJECTS_AT_ONCE);
    const last = rejects.at(-1);
    if (last === undefined) break;
    hasTried = true;
    after = last.rejectId;
    const whole = rejects.filter(({raw}) => raw !== null && isWhole(raw));
    const cut = rejects.filter((reject) => !whole.includes(reject));
    await writeWhole(deps, task, stream, whole);
    if (batchOf(stream) === null) for (const {parent} of cut) parents.set(JSON.stringify(parent), parent);
    else {
      const keys = cut.flatMap(({key}) => (key === null ? [] : [key]));
      await readAnew(deps, task, stream, {kind: 'keys', keys}, signal);
    }
  }
  // A stream without a request for some records by key is read where they were found, once for all of them.
  if (parents.size > 0) {
    await readAnew(deps, task, stream, {kind: 'lists', parents: [...parents.values()], isAll: false}, signal);
  }
  return hasTried;
}

/** What was cut at the length to which rejects are kept is no JSON any more. */
const isWhole = (raw: Buffer): boolean => parsed(raw.toString('utf8')) !== undefined;

async function writeWhole(
  deps: JobDeps,
  task: HeldTask,
  stream: Stream,
  rejects: readonly Replayable[],
): Promise<void> {
  const byParent = new Map<string, Replayable[]>();
  for (const reject of rejects) {
    const id = JSON.stringify(reject.parent);
    byParent.set(id, [...(byParent.get(id) ?? []), reject]);
  }
  for (const group of byParent.values()) {
    const parent = group[0]?.parent ?? [];
    const groups = new PageGroups(deps, task, stream, parent);
    try {
      await groups.add(recordsIn(group), {kind: 'none'});
    } finally {
      await groups.flush();
    }
    await resolveStored(deps.store, task, stream, replayedOf(deps, stream, group));
  }
}

function recordsIn(rejects: readonly Replayable[]): SourceRecords {
  const texts = rejects.map(({raw}) => raw ?? Buffer.alloc(0));
  const spans = new Int32Array(2 * texts.length);
  let at = 0;
  for (const [i, text] of texts.entries()) {
    spans[2 * i] = at;
    spans[2 * i + 1] = at += text.length;
  }
  return {bytes: Buffer.concat(texts), spans, skipped: 0, askedAtMs: 0, dateMs: null};
}

/** Key and hash of each, by itself: what it is listed by may be another key, or none. */
function replayedOf({rules, store}: JobDeps, stream: Stream, rejects: readonly Replayable[]): Replayed[] {
  return rejects.flatMap((reject) => {
    const {bytes, spans} = recordsIn([reject]);
    const context = {parentKey: reject.parent, maxRecordBytes: rules.maxRecordBytes};
    const {count, keys, hashes} = preparePage(store.streamOf(stream).shape, bytes, spans, context);
    if (count === 0) return [];
    return [{rejectId: reject.rejectId, key: keys.map((part) => part[0] as string), hash: hashes[0] as string}];
  });
}

async function readAnew(
  deps: JobDeps,
  task: HeldTask,
  stream: Stream,
  extent: Extent,
  signal: AbortSignal,
): Promise<void> {
  let open: {readonly parent: readonly string[]; readonly groups: PageGroups} | null = null;
  try {
    for await (const {records, parent} of recordsOf(deps, task.scope, stream, extent, signal)) {
      if (open !== null && open.parent !== parent) {
        await open.groups.flush();
        open = null;
      }
      open ??= {parent, groups: new PageGroups(deps, task, stream, parent)};
      await open.groups.add(records, {kind: 'none'});
    }
  } finally {
    await open?.groups.flush();
  }
}
