import {UsageError} from '../core/errors.ts';
import {scopeName} from '../core/scope.ts';
import {openRejects, rejectById, type Reject} from '../store/rejects.ts';
import {streamNamed} from '../streams/catalogue.ts';
import type {Context} from './context.ts';
import {wholeNumber} from './number-flag.ts';
import {storeToRead} from './read-store.ts';
import {tableLines} from './table-text.ts';

const DEFAULT_LIMIT = 100;
const NO_REJECTS = 'no record was rejected or repaired';

/** Lists the records that could not be stored, or not as they were, newest first. */
export async function listRejects(
  context: Context,
  flags: {readonly stream?: readonly string[]; readonly json?: boolean; readonly limit?: string},
): Promise<number> {
  const streams = flags.stream?.map((name) => streamNamed(name).name);
  const limit = wholeNumber('--limit', flags.limit) ?? DEFAULT_LIMIT;
  const {out} = context.surroundings;
  const store = await storeToRead(context, await context.config([]));
  const filter = {limit, ...(streams === undefined ? {} : {streams})};
  const rejects = store === null ? [] : await openRejects(store, filter);
  if (flags.json === true) out(JSON.stringify(rejects.map(rejectDocument)));
  else if (rejects.length === 0) out(NO_REJECTS);
  else {
    const rows = rejects.map((reject) => [
      reject.rejectId,
      reject.kind,
      scopeName(reject.scope),
      reject.stream,
      keyText(reject),
      reject.reason,
      reject.lastSeenAt.toISOString(),
    ]);
    for (const line of tableLines(['id', 'kind', 'app', 'stream', 'key', 'reason', 'last seen'], rows)) out(line);
  }
  return 0;
}

/** Tells all of one of them, the record as it came included. Throws UsageError when there is none with that id. */
export async function showReject(context: Context, rejectId: string, isJson: boolean): Promise<number> {
  if (!/^\d{1,18}$/.test(rejectId)) {
    throw new UsageError(`ID: expected a number as "clarifai-sync rejects list" lists them, found "${rejectId}"`);
  }
  const store = await storeToRead(context, await context.config([]));
  const found = store === null ? null : await rejectById(store, rejectId);
  if (found === null) throw new UsageError(`there is no reject ${rejectId}: see "clarifai-sync rejects list"`);
  const {out} = context.surroundings;
  const {reject, raw} = found;
  if (isJson) {
    out(JSON.stringify({...rejectDocument(reject), raw: raw?.toString('utf8') ?? null}));
    return 0;
  }
  out(`${reject.kind} record ${keyText(reject)} of ${reject.stream}, ${scopeName(reject.scope)}`);
  out(`  reason      ${reject.reason}: ${reject.detail}`);
  out(`  first seen  ${reject.firstSeenAt.toISOString()} in run ${reject.firstRunId}`);
  out(`  last seen   ${reject.lastSeenAt.toISOString()} in run ${reject.lastRunId}`);
  if (reject.resolvedAt !== null) out(`  resolved    ${reject.resolvedAt.toISOString()}`);
  out(raw === null ? '  the record itself was not kept' : `  the record  ${printable(raw.toString('utf8'))}`);
  return 0;
}

function keyText({key}: Reject): string {
  return key === null ? '(no readable key)' : printable(key.join(' / '));
}

/** Control characters written out: what the source sent must not move the cursor. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function rejectDocument(reject: Reject) {
  return {
    id: reject.rejectId,
    kind: reject.kind,
    user_id: reject.scope.userId,
    app_id: reject.scope.appId,
    stream: reject.stream,
    key: reject.key,
    reason: reject.reason,
    detail: reject.detail,
    first_run_id: reject.firstRunId,
    last_run_id: reject.lastRunId,
    first_seen_at: reject.firstSeenAt.toISOString(),
    last_seen_at: reject.lastSeenAt.toISOString(),
    resolved_at: reject.resolvedAt?.toISOString() ?? null,
  };
}
