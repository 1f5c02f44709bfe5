import {CATALOGUE} from '../streams/catalogue.ts';
import type {AskedRun} from '../workers/ask-now.ts';
import {RefusedRequest} from './errors.ts';

const KEYS = ['user_id', 'app_id', 'mode', 'streams'];

/** Reads the body of a request for a run. Throws RefusedRequest 400 with everything that is wrong in one message. */
export function askedRun(body: unknown): AskedRun {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new RefusedRequest(400, 'body: expected {"user_id", "app_id", "mode", "streams"}, found no mapping');
  }
  const {user_id: userId, app_id: appId, mode = 'incremental', streams = null} = body as Record<string, unknown>;
  const problems = [
    ...Object.keys(body).flatMap((key) =>
      KEYS.includes(key) ? [] : [`${shown(key)}: expected one of ${KEYS.join(', ')}`],
    ),
    ...(isId(userId) ? [] : [`user_id: expected the app's owner, found ${shown(userId)}`]),
    ...(isId(appId) ? [] : [`app_id: expected an app, found ${shown(appId)}`]),
    ...(mode === 'incremental' || mode === 'full' ? [] : [`mode: expected incremental or full, found ${shown(mode)}`]),
    ...streamProblems(streams),
  ];
  if (problems.length > 0) throw new RefusedRequest(400, problems.join('; '));
  return {userId, appId, mode, streams} as AskedRun;
}

function streamProblems(streams: unknown): string[] {
  if (streams === null) return [];
  if (!Array.isArray(streams) || streams.length === 0) {
    return [`streams: expected a list of names, or null for those of the configuration, found ${shown(streams)}`];
  }
  const names = CATALOGUE.map(({name}) => name);
  return streams.flatMap((name: unknown, i) =>
    typeof name === 'string' && names.includes(name)
      ? []
      : [`streams[${i}]: expected one of ${names.join(', ')}, found ${shown(name)}`],
  );
}

const isId = (value: unknown): value is string => typeof value === 'string' && value !== '' && value.length <= 200;

function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
