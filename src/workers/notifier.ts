import {createHmac} from 'node:crypto';
import {setTimeout as sleep} from 'node:timers/promises';
import {messageOf} from '../core/errors.ts';
import {MAX_ATTEMPTS, pauseAfter} from '../core/notify.ts';
import type {Store} from '../store/ledger.ts';
import {nextDueMs, noteDelivered, noteUndelivered, takeDue, type DueMessage} from '../store/notifications.ts';
import type {Log} from '../telemetry/log.ts';

/** Where messages go. */
export interface Webhook {
  /** Secret: it may hold a password, or be one. */
  readonly url: string;
  /** Key of the signature; null: messages are not signed. */
  readonly secret: string | null;
}

export interface NotifierParts {
  readonly store: Store;
  readonly webhook: Webhook;
  readonly log: Log;
  /** Epoch ms. */
  readonly now: () => number;
}

/** A receiver that takes longer has not got it, ms. */
const ANSWER_WITHIN_MS = 10_000;
/** Other processes note messages too: the ledger is looked at this often, ms. */
const LOOK_EVERY_MS = 5_000;

/**
 * Sends messages as they become due, until the signal is aborted. Any number of processes may do so at once. Failures of
 * receiver and store are logged and tried again; nothing is thrown.
 */
export async function deliverNotifications(parts: NotifierParts, signal: AbortSignal): Promise<void> {
  const {store, log} = parts;
  while (!signal.aborted) {
    let waitMs = LOOK_EVERY_MS;
    try {
      await deliverDue(parts, signal);
      waitMs = Math.min((await nextDueMs(store)) ?? LOOK_EVERY_MS, LOOK_EVERY_MS);
    } catch (error) {
      if (!signal.aborted) log.warn({err: error}, 'notifications were not looked at');
    }
    await sleep(Math.max(waitMs, 100), undefined, {signal}).catch(() => undefined);
  }
}

/** Sends what is due now, each message once, until none is left or the signal is aborted. */
export async function deliverDue(parts: NotifierParts, signal: AbortSignal): Promise<void> {
  const {store, webhook, log, now} = parts;
  while (!signal.aborted) {
    const message = await takeDue(store, pauseAfter);
    if (message === null) return;
    const why = await post(webhook, message, now(), signal);
    if (why === null) {
      await noteDelivered(store, message.id);
      log.info({event: message.event, attempt: message.attempt}, 'notification was delivered');
      continue;
    }
    const isLast = message.attempt >= MAX_ATTEMPTS;
    await noteUndelivered(store, message.id, why, isLast);
    const fields = {event: message.event, attempt: message.attempt, reason: why};
    if (isLast) log.error(fields, 'notification was given up');
    else log.warn(fields, 'notification was not delivered');
  }
}

/** One try; null when it has arrived, else why not, without the address, which may be a secret. Throws nothing. */
async function post(
  {url, secret}: Webhook,
  message: DueMessage,
  nowMs: number,
  signal: AbortSignal,
): Promise<string | null> {
  const target = new URL(url);
  const headers = new Headers(signedHeaders(message, secret, nowMs));
  if (target.username !== '' || target.password !== '') {
    const pair = `${decodeURIComponent(target.username)}:${decodeURIComponent(target.password)}`;
    headers.set('authorization', `Basic ${Buffer.from(pair).toString('base64')}`);
    target.username = '';
    target.password = '';
  }
  const limit = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]);
  try {
    // A redirect is an answer like another: the signature is for this receiver.
    const answer = await fetch(target, {
      method: 'POST',
      headers,
      body: message.body,
      redirect: 'manual',
      signal: limit,
    });
    await answer.body?.cancel();
    return answer.ok ? null : `the webhook answered ${answer.status}`;
  } catch (error) {
    if (limit.aborted)
      return signal.aborted ? 'ended before the webhook answered' : 'the webhook did not answer in time';
    return `the webhook cannot be reached: ${reasonOf(error)}`;
  }
}

/**
 * Headers of a message. The signature is `v1=` and the HMAC-SHA256 in hexadecimal, under the secret, of the timestamp as
 * it stands in its header, a dot, and the body: a receiver that checks both also refuses what is sent again late.
 */
export function signedHeaders(
  {id, event, body}: DueMessage,
  secret: string | null,
  nowMs: number,
): Record<string, string> {
  const timestamp = String(Math.floor(nowMs / 1_000));
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'clarifai-sync',
    'x-clarifai-sync-event': event,
    'x-clarifai-sync-id': id,
    'x-clarifai-sync-timestamp': timestamp,
  };
  if (secret === null) return headers;
  const signature = createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');
  return {...headers, 'x-clarifai-sync-signature': `v1=${signature}`};
}

/** The system's code where there is one: messages of the client may hold the address. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return typeof code === 'string' ? code : messageOf(cause).replace(/\S+:\/\/\S+/g, 'its address');
}
