import {AppUnknownError} from '../core/errors.ts';
import {scopeName, type Scope} from '../core/scope.ts';
import {SourceGoneError, SourceNotOfferedError} from '../core/source-errors.ts';
import {getApp, type AppAnswer} from '../source/calls.ts';
import type {ApiClient} from '../source/client.ts';

/** What the API tells of an app. Throws AppUnknownError when this credential sees no such app. */
export async function lookAtApp(client: ApiClient, app: Scope, signal: AbortSignal): Promise<AppAnswer> {
  try {
    return await getApp(client, app, signal);
  } catch (error) {
    if (!(error instanceof SourceGoneError || error instanceof SourceNotOfferedError)) throw error;
    throw new AppUnknownError(`app ${scopeName(app)} does not exist, or this credential may not see it`, {
      cause: error,
    });
  }
}
