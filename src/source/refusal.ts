import type {ApiClass} from '../core/api-codes.ts';
import {API_CODES, codeNumber} from '../core/api-codes.ts';
import type {ErrorContext} from '../core/errors.ts';
import {
  SourceCredentialError,
  SourceGoneError,
  SourceNotOfferedError,
  SourcePageTooLargeError,
  SourcePagingCapError,
  SourceQuotaError,
  SourceRefusedError,
  SourceScopeError,
  SourceThrottledError,
  SourceUnavailableError,
  type SourceError,
} from '../core/source-errors.ts';

/** All that an error says of an answer; texts are free of the credential before they come here. */
export interface Refusal {
  readonly method: 'GET' | 'POST';
  /** Without the query. */
  readonly path: string;
  /** null when no answer came. */
  readonly httpStatus: number | null;
  readonly code: number | string | null;
  readonly description: string | null;
  readonly details: string | null;
  readonly reqId: string | null;
  /** What happened, where there is no status to say it. */
  readonly reason: string | null;
  readonly retryAfterMs: number | undefined;
  readonly cause: unknown;
}

/** Server texts are cut here, characters: an HTML page or a stack trace is no message. */
const MAX_TEXT = 500;

/**
 * The typed error that an answer of class `is` stands for. `ok_if_records` means that there were none.
 * @param isShrinkable the caller can ask for less at once: a timeout then means that the page is too large
 */
export function refusalError(is: Exclude<ApiClass, 'ok'>, refusal: Refusal, isShrinkable: boolean): SourceError {
  const message = describe(refusal);
  const options = {
    context: contextOf(refusal),
    ...(refusal.cause === undefined ? {} : {cause: refusal.cause}),
    ...(refusal.retryAfterMs === undefined ? {} : {retryAfterMs: refusal.retryAfterMs}),
  };
  switch (is) {
    case 'throttled':
      return new SourceThrottledError(message, options);
    case 'retry':
      return new SourceUnavailableError(message, options);
    case 'timeout':
      return isShrinkable
        ? new SourcePageTooLargeError(message, options)
        : new SourceUnavailableError(message, options);
    case 'page_too_large':
      return new SourcePageTooLargeError(message, options);
    case 'quota':
      return new SourceQuotaError(message, options);
    case 'credential':
      return new SourceCredentialError(message, options);
    case 'scope':
      return new SourceScopeError(message, options);
    case 'gone':
      return new SourceGoneError(message, options);
    case 'not_offered':
      return new SourceNotOfferedError(message, options);
    case 'paging_cap':
      return new SourcePagingCapError(message, options);
    case 'ok_if_records':
    case 'moved':
    case 'end':
      return new SourceRefusedError(message, options);
  }
}

function describe(refusal: Refusal): string {
  const parts: string[] = [];
  if (refusal.httpStatus !== null) parts.push(`HTTP ${refusal.httpStatus}`);
  if (refusal.code !== null) parts.push(`code ${codeText(refusal.code)}`);
  for (const text of [refusal.reason, refusal.description]) if (text !== null) parts.push(cut(text));
  if (refusal.details !== null && refusal.details !== refusal.description) parts.push(`(${cut(refusal.details)})`);
  if (refusal.reqId !== null) parts.push(`req_id ${refusal.reqId}`);
  return `${refusal.method} ${refusal.path}: ${parts.join(', ')}`;
}

function contextOf(refusal: Refusal): ErrorContext {
  return {
    method: refusal.method,
    path: refusal.path,
    http_status: refusal.httpStatus,
    api_code: codeNumber(refusal.code) ?? refusal.code,
    req_id: refusal.reqId,
  };
}

function codeText(code: number | string): string {
  const name = API_CODES[codeNumber(code) ?? -1]?.[0];
  return name === undefined || name === code ? String(code) : `${code} ${name}`;
}

const cut = (text: string) => (text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text);
