import {UsageError} from '../core/errors.ts';
import {scopeName} from '../core/scope.ts';
import {forgetReading} from '../store/forget.ts';
import {streamNamed} from '../streams/catalogue.ts';
import type {Context} from './context.ts';
import {openApi} from './open-parts.ts';
import {storeToRead} from './read-store.ts';
import {appOf, resolveApps, scopeFor} from './selection.ts';

export interface ResetFlags {
  readonly app: string;
  readonly stream: string;
  readonly yes?: boolean;
}

/** Forgets how far a stream was read, after asking, so that the next run reads all of it and compares. Rows stay. */
export async function reset(context: Context, flags: ResetFlags): Promise<number> {
  const named = appOf(flags.app);
  const stream = streamNamed(flags.stream);
  const {out, ask, signal} = context.surroundings;
  if (flags.yes !== true && ask === undefined) {
    throw new UsageError('reset asks before it forgets, and there is no terminal to ask on: add --yes');
  }
  const isMe = named.userId === 'me';
  const config = await context.config(isMe ? ['pat'] : []);
  const [app = named] = isMe ? await resolveApps(openApi(context, config), [named], signal) : [named];
  const scope = scopeFor(stream, app);
  const what = `${stream.name} of ${scopeName(scope)}`;
  if (flags.yes !== true && ask !== undefined) {
    const answer = await ask(`Forget how far ${what} was read? The next run reads all of it; rows stay. [y/N] `);
    if (!/^y(es)?$/i.test(answer)) {
      out('nothing was changed');
      return 0;
    }
  }
  const store = await storeToRead(context, config);
  const isDone = store !== null && (await forgetReading(store, scope, stream));
  if (!isDone) throw new UsageError(`${scopeName(scope)} was never synced here: see "clarifai-sync status"`);
  out(`${what}: forgotten; the next sync reads all of it and compares`);
  return 0;
}
