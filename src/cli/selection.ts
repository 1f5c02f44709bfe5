import type {Config} from '../config/config.ts';
import {UsageError} from '../core/errors.ts';
import {scopeKind, scopeName, type Scope} from '../core/scope.ts';
import {whoAmI} from '../source/calls.ts';
import type {ApiClient} from '../source/client.ts';
import {CATALOGUE} from '../streams/catalogue.ts';
import type {Stream} from '../streams/stream.ts';

/** The app that `--app USER/APP` names. Throws UsageError for anything else. */
export function appOf(text: string): Scope {
  const [userId, appId, more] = text.split('/');
  if (userId === undefined || userId === '' || appId === undefined || appId === '' || more !== undefined) {
    throw new UsageError(`--app: expected USER/APP, found "${text}"`);
  }
  return {userId, appId};
}

/** Streams that the configuration asks for, in the catalogue's order. */
export function selectedStreams({streams}: Pick<Config, 'streams'>): readonly Stream[] {
  switch (streams.kind) {
    case 'default':
      return CATALOGUE.filter((stream) => stream.isDefault);
    case 'all':
      return CATALOGUE;
    case 'named':
      return CATALOGUE.filter((stream) => streams.names.includes(stream.name));
  }
}

/** Real user ids for `me`, asked for once; each scope once. */
export async function resolveApps(
  client: ApiClient,
  apps: readonly Scope[],
  signal: AbortSignal,
): Promise<readonly Scope[]> {
  const me = apps.some((app) => app.userId === 'me') ? await whoAmI(client, signal) : null;
  const scopes = apps.map((app) => (app.userId === 'me' && me !== null ? {...app, userId: me} : app));
  return [...new Map(scopes.map((scope) => [scopeName(scope), scope])).values()];
}

/** Where a stream of this app is kept: with the app, with its user, or with neither. */
export function scopeFor(stream: Stream, app: Scope): Scope {
  const kind = stream.scope;
  if (kind === scopeKind(app)) return app;
  return {userId: kind === 'user' ? app.userId : '', appId: ''};
}
