import type {Stream} from '../streams/stream.ts';
import type {Store} from './ledger.ts';
import {ident} from './quote.ts';
import {guardFence, type HeldTask} from './tasks.ts';

/** A stored annotation that stands for its kind. */
export interface KindSample {
  readonly kind: 'trusted' | 'untrusted' | 'pending' | 'input_level';
  readonly inputId: string;
  readonly id: string;
  /** As the API wrote it, all digits. */
  readonly modifiedAt: string;
}

/** One living annotation of each kind that is there. */
export async function newestOfKind(store: Store, task: HeldTask, stream: Stream): Promise<KindSample[]> {
  const table = ident(store.schema, stream.name);
  const pending = stream.pendingCodes.join(', ');
  const kinds: readonly [KindSample['kind'], string][] = [
    ['trusted', 'trusted and not input_level'],
    ['untrusted', `not trusted and not input_level and status_code not in (${pending})`],
    ['pending', `status_code in (${pending})`],
    ['input_level', 'input_level'],
  ];
  const samples: KindSample[] = [];
  for (const [kind, condition] of kinds) {
    const [row] = await store.database.query<{input_id: string; id: string; modified: string | null}>(
      `select input_id, id, raw #>> '{modified_at}' as modified from ${table} where user_id = $1 and app_id = $2
         and _sync_deleted_at is null and modified_at is not null and ${condition} limit 1`,
      [task.scope.userId, task.scope.appId],
    );
    if (row !== undefined && row.modified !== null) {
      samples.push({kind, inputId: row.input_id, id: row.id, modifiedAt: row.modified});
    }
  }
  return samples;
}

/** Keeps what the source's search does not show; empty when it shows all. */
export async function noteSearchGaps(
  store: Store,
  task: HeldTask,
  stream: Stream,
  gaps: readonly string[],
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
