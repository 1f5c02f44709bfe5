import {keyBatches} from '../source/key-batches.ts';
import {listByKeys} from '../source/calls.ts';
import type {SourceRecords} from '../source/pages.ts';
import type {HeldTask} from '../store/tasks.ts';
import type {Stream} from '../streams/stream.ts';
import type {JobDeps} from './deps.ts';
import {pathParams} from './list-calls.ts';

/** Reads annotations by their keys, in the pairs that the API wants (clarifai-api.md, section 8). */
export async function readAnnotationsByKey(
  {client}: JobDeps,
  task: HeldTask,
  stream: Stream,
  keys: readonly {input_id: string; id: string}[],
  signal: AbortSignal,
  take: (records: SourceRecords) => Promise<void>,
): Promise<void> {
  if (stream.proof.kind !== 'id' || stream.proof.batch === undefined) return;
  const {path, query, size} = stream.proof.batch;
  const list = {
    template: path,
    params: pathParams(task.scope, stream, []),
    field: stream.responseField,
    ...(query === undefined ? {} : {query}),
  };
  for (const batch of keyBatches(
    keys.map((key) => ({input_ids: key.input_id, ids: key.id})),
    size,
  )) {
    await take(await listByKeys(client, list, batch, signal));
  }
}
