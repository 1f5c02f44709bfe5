import type {Stream} from '../streams/stream.ts';
import type {Store} from './ledger.ts';
import {ident} from './quote.ts';
import {guardFence, type HeldTask} from './tasks.ts';

export type AnnotationKind = 'trusted' | 'untrusted' | 'pending' | 'input_level';

/** A stored annotation that stands for its kind. */
export interface KindSample {
  readonly inputId: string;
  readonly id: string;
  /** As the API wrote it, all digits. */
  readonly modifiedAt: string;
}

/** What is stored of one kind. */
export type KindStored =
  /** Something that was changed long enough ago to show in the search. */
  | {readonly kind: AnnotationKind; readonly is: 'sampled'; readonly sample: KindSample}
  | {readonly kind: AnnotationKind; readonly is: 'too fresh' | 'absent'};

/** For each kind one living annotation, not changed since `before` (RFC 3339), if there is one. */
export async function samplesOfKinds(
  store: Store,
  task: HeldTask,
  stream: Stream,
  before: string,
): Promise<KindStored[]> {
  const pending = stream.pendingCodes.join(', ');
  const kinds: readonly [AnnotationKind, string][] = [
    ['trusted', 'trusted and not input_level'],
    ['untrusted', `not trusted and not input_level and status_code not in (${pending})`],
    ['pending', `status_code in (${pending})`],
    ['input_level', 'input_level'],
  ];
  const stored: KindStored[] = [];
  for (const [kind, condition] of kinds) {
    const from = `from ${ident(store.schema, stream.name)} where user_id = $1 and app_id = $2
      and _sync_deleted_at is null and modified_at is not null and ${condition}`;
    const values = [task.scope.userId, task.scope.appId];
    const [row] = await store.database.query<{input_id: string; id: string; modified: string}>(
      `select input_id, id, raw #>> '{modified_at}' as modified ${from} and modified_at <= $3::timestamptz limit 1`,
      [...values, before],
    );
    if (row !== undefined) {
      stored.push({kind, is: 'sampled', sample: {inputId: row.input_id, id: row.id, modifiedAt: row.modified}});
    } else {
      const any = await store.database.query(`select 1 ${from} limit 1`, values);
      stored.push({kind, is: any.length > 0 ? 'too fresh' : 'absent'});
    }
  }
  return stored;
}

/** Keeps what the source's search does not show; empty when it shows all, null when that is not known yet. */
export async function noteSearchGaps(
  store: Store,
  task: HeldTask,
  stream: Stream,
  gaps: readonly string[] | null,
): Promise<void> {
  await store.database.transaction(async (client) => {
    await guardFence(client, task, store.leaseMs);
    await client.query(
      `insert into clarifai_sync.stream_states (scope_id, stream, search_gaps) values ($1, $2, $3)
       on conflict (scope_id, stream) do update set search_gaps = excluded.search_gaps`,
      [task.scopeId, stream.name, gaps],
    );
  });
}
