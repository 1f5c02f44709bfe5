/**
 * What a run brings up to date: an app (`userId` and `appId`), everything of a user (`appId` is empty), or what is
 * the same for everybody (both empty). The user id is always the real one, never the alias `me`.
 */
export interface Scope {
  readonly userId: string;
  readonly appId: string;
}

export type ScopeKind = 'app' | 'user' | 'global';

/** Which kind of scope this is. */
export function scopeKind(scope: Scope): ScopeKind {
  if (scope.appId !== '') return 'app';
  return scope.userId !== '' ? 'user' : 'global';
}

/** How a scope is written for people: `user/app`, `user`, or `(all)`. */
export function scopeName(scope: Scope): string {
  if (scope.appId !== '') return `${scope.userId}/${scope.appId}`;
  return scope.userId !== '' ? scope.userId : '(all)';
}
