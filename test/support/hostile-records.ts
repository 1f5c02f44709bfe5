import type {SyncHarness} from './sync-harness.ts';

const STAMP = '2024-05-01T00:00:00Z';

/** An input as JSON text; `id` and what follows are JSON texts themselves, so that they may be as odd as a test wants. */
export function inputText(id: string, data = '{}', more = ''): string {
  return `{"id":${id},"created_at":"${STAMP}","modified_at":"${STAMP}","status":{"code":30000},"data":${data}${more}}`;
}

/** Puts an input in its place at the source, under the key that the text's id decodes to. */
export function putInput(harness: SyncHarness, key: string, text: string | Buffer): void {
  const raw = typeof text === 'string' ? {text} : {base64: text.toString('base64')};
  harness.change({kind: 'setRaw', stream: 'inputs', key: [key], ...raw});
}

/** What is listed and not resolved, `stream kind reason key` each, sorted. */
export async function openRejects(harness: SyncHarness): Promise<string[]> {
  const rows = await harness.query<{line: string}>(
    `select concat_ws(' ', stream, kind, reason, coalesce(array_to_string(key, '/'), '-')) as line
     from clarifai_sync.rejects where resolved_at is null`,
  );
  return rows.map(({line}) => line).sort();
}

/** The newest transaction that has written to each stream's table, and its rows: equal when nothing was written. */
export async function writesSoFar(harness: SyncHarness, streams: readonly string[]): Promise<unknown> {
  const each = streams.map(
    (name) =>
      `select '${name}' as stream, max(xmin::text::bigint)::text as newest, count(*)::int as n from clarifai.${name}`,
  );
  return await harness.query(each.join(' union all '));
}
