import {createHash, timingSafeEqual} from 'node:crypto';
import type {IncomingHttpHeaders} from 'node:http';
import {UsageError} from '../core/errors.ts';
import {RefusedRequest} from './errors.ts';

/** Shorter ones could be guessed. */
export const MIN_TOKEN_LENGTH = 16;

/** Is this an address that only programs of this machine reach? */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** The configuration holds to this too; here it holds for whoever starts the server. Throws UsageError. */
export function checkListening({host, token}: {readonly host: string; readonly token: string | null}): void {
  if (token !== null && token.length < MIN_TOKEN_LENGTH) {
    throw new UsageError(`http.token: expected at least ${MIN_TOKEN_LENGTH} characters, found ${token.length}`);
  }
  if (token === null && !isLoopback(host)) {
    throw new UsageError('http.token: expected a token, because http.host is not loopback, found nothing');
  }
}

/**
 * The token, as Bearer or as the password of Basic (so that a browser can ask for it). Digests are compared, so that
 * the time tells neither how long the token is nor how much of it was right.
 * @throws RefusedRequest 401
 */
export function checkToken(headers: IncomingHttpHeaders, token: string): void {
  const shown = shownToken(headers.authorization ?? '');
  if (shown !== null && timingSafeEqual(digest(shown), digest(token))) return;
  const message = shown === null ? 'a token is needed: Bearer, or Basic with it as password' : 'this is not the token';
  throw new RefusedRequest(401, message, {
    'www-authenticate': 'Basic realm="clarifai-sync", charset="UTF-8", Bearer realm="clarifai-sync"',
  });
}

function shownToken(authorization: string): string | null {
  const [, scheme, value] = /^(bearer|basic) +(\S+)$/i.exec(authorization) ?? [];
  if (scheme === undefined || value === undefined) return null;
  if (scheme.toLowerCase() === 'bearer') return value;
  const pair = Buffer.from(value, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  return colon === -1 ? null : pair.slice(colon + 1);
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/**
 * Without a token being on this machine is what entitles: a page of another site that makes the browser take our address
 * for its own (DNS rebinding) still sends its own name as Host.
 * @throws RefusedRequest 403
 */
export function checkHost(headers: IncomingHttpHeaders): void {
  const host = (headers.host ?? '').replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  if (!isLoopback(host)) throw new RefusedRequest(403, 'without a token this answers to localhost and 127.0.0.1 alone');
}

/**
 * What changes something is asked for by our own page or by no page at all: a browser sends the password of Basic with
 * requests of other sites too.
 * @throws RefusedRequest 403
 */
export function checkOrigin(headers: IncomingHttpHeaders): void {
  const {origin, host} = headers;
  const site = headers['sec-fetch-site'];
  const isForeign = site !== undefined && site !== 'same-origin' && site !== 'none';
  if (isForeign || (origin !== undefined && hostOf(origin) !== host)) {
    throw new RefusedRequest(403, 'a run can only be asked for by the page itself, or without a page');
  }
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}
