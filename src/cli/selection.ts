import type {Config} from '../config/config.ts';
import {UsageError} from '../core/errors.ts';
import {scopeKind, scopeName, type Scope} from '../core/scope.ts';
import {listAppIds, whoAmI} from '../source/calls.ts';
import type {ApiClient} from '../source/client.ts';
import {CATALOGUE, streamNamed, withParents} from '../streams/catalogue.ts';
import type {Stream} from '../streams/stream.ts';

/** The app that `--app USER/APP` names; `USER/*` means every app of the user. Throws UsageError for anything else. */
export function appOf(text: string): Scope {
  const [userId, appId, more] = text.split('/');
  if (userId === undefined || userId === '' || appId === undefined || appId === '' || more !== undefined) {
    throw new UsageError(`--app: expected USER/APP, found "${text}"`);
  }
  return {userId, appId};
}

/** Streams that the configuration asks for with their parents, in the catalogue's order. */
export function selectedStreams({streams}: Pick<Config, 'streams'>): readonly Stream[] {
  switch (streams.kind) {
    case 'default':
      return CATALOGUE.filter((stream) => stream.isDefault);
    case 'all':
      return CATALOGUE;
    case 'named':
      return withParents(streams.names.map((name) => streamNamed(name)));
  }
}

/** Stands for every app of a user in the configuration and in `--app`. */
const EVERY_APP = '*';

/** Real user ids for `me`, asked for once; every app that there is now for `*`; each scope once. */
export async function resolveApps(
  client: ApiClient,
  apps: readonly Scope[],
  signal: AbortSignal,
): Promise<readonly Scope[]> {
  return (await resolveScopes(client, apps, signal)).apps;
}

/** The same, and the users that were named: one of them may have no app at all any more. */
export async function resolveScopes(
  client: ApiClient,
  apps: readonly Scope[],
  signal: AbortSignal,
): Promise<{readonly apps: readonly Scope[]; readonly users: readonly string[]}> {
  const me = apps.some((app) => app.userId === 'me') ? await whoAmI(client, signal) : null;
  const named = apps.map((app) => (app.userId === 'me' && me !== null ? {...app, userId: me} : app));
  const scopes: Scope[] = [];
  for (const app of named) {
    if (app.appId !== EVERY_APP) scopes.push(app);
    else for (const appId of await listAppIds(client, app.userId, signal)) scopes.push({...app, appId});
  }
  return {
    apps: [...new Map(scopes.map((scope) => [scopeName(scope), scope])).values()],
    users: [...new Set(named.map(({userId}) => userId))],
  };
}

/** Where a stream of this app is kept: with the app, with its user, or with neither. */
export function scopeFor(stream: Stream, app: Scope): Scope {
  const kind = stream.scope;
  if (kind === scopeKind(app)) return app;
  return {userId: kind === 'user' ? app.userId : '', appId: ''};
}
