import {classify, codeNumber, type ApiClass} from '../core/api-codes.ts';
import {scanEnvelope, type ApiStatus, type RecordPlace} from '../core/envelope.ts';
import {messageOf} from '../core/errors.ts';
import {wrapValues} from '../core/wrap-values.ts';
import type {Exchange} from './transport.ts';

/** What an exchange brought, good or bad. */
export interface Reading {
  readonly is: ApiClass;
  /** null when no answer came. */
  readonly httpStatus: number | null;
  /** Nulls where the answer has no such thing. */
  readonly status: ApiStatus;
  /** What happened, where there is no status to say it. */
  readonly reason: string | null;
  readonly cause: unknown;
  readonly bytes: Buffer;
  readonly spans: Int32Array;
  readonly skipped: number;
  /** A header by its name in lower case. */
  readonly header: (name: string) => string | null;
}

const NO_STATUS: ApiStatus = {code: null, description: null, details: null, reqId: null};
const NOTHING = {
  status: NO_STATUS,
  reason: null,
  cause: undefined,
  bytes: Buffer.alloc(0),
  spans: new Int32Array(0),
  skipped: 0,
  header: () => null,
};

/** Says what an exchange means. A body that is no answer never counts as one, whatever its HTTP status. */
export function readExchange(exchange: Exchange, place: RecordPlace | null): Reading {
  if (exchange.kind !== 'answered') return withoutAnswer(exchange.kind, exchange.cause);
  const {httpStatus, bytes, header} = exchange;
  const base = {...NOTHING, httpStatus, bytes, header};
  const envelope = scanEnvelope(bytes, place);
  const classified = (status: ApiStatus) =>
    classify({...status, httpStatus, body: envelope.kind === 'broken' ? 'none' : envelope.kind});
  switch (envelope.kind) {
    case 'status': {
      const {status, spans, skipped} = envelope;
      const is = classified(status);
      if (is === 'ok' && place?.wrapAs !== undefined)
        return {...base, is, status, skipped, ...wrapValues(bytes, spans, place.wrapAs)};
      return {...base, is: is === 'ok_if_records' && spans.length > 0 ? 'ok' : is, status, spans, skipped};
    }
    case 'gateway': {
      const status = {...NO_STATUS, description: envelope.message};
      return {...base, is: classified(status), status, reason: 'an error of the gateway'};
    }
    case 'broken':
      return {...base, is: classified(NO_STATUS), reason: `no answer of the API: ${envelope.reason}`};
  }
}

/** The code as a number, for counting. */
export function apiCodeOf(reading: Reading): number | null {
  return codeNumber(reading.status.code);
}

function withoutAnswer(kind: 'timeout' | 'too_large' | 'network', cause: unknown): Reading {
  const base = {...NOTHING, httpStatus: null, cause};
  switch (kind) {
    case 'timeout':
      return {...base, is: 'timeout', reason: `no answer in time: ${messageOf(cause)}`};
    case 'too_large':
      return {...base, is: 'page_too_large', reason: `the answer is larger than we take: ${messageOf(cause)}`};
    case 'network':
      return {...base, is: 'retry', reason: `no answer: ${networkMessage(cause)}`};
  }
}

/** undici hides the reason of a failed connection in an AggregateError, one part per address tried. */
function networkMessage(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? ` (${cause.code})` : '';
  return `${messageOf(cause)}${code}`;
}
