import {streamNamed, withParents} from '../streams/catalogue.ts';
import {load} from './commands.ts';
import type {Context} from './context.ts';
import {appOf} from './selection.ts';

export interface SyncFlags {
  readonly app?: readonly string[];
  readonly stream?: readonly string[];
  readonly full?: boolean;
  readonly json?: boolean;
  readonly allowMassDelete?: boolean;
  readonly snapshot?: boolean;
  readonly takeOver?: boolean;
}

/** Brings each app up to date once, now, and tells what came of it. Gives the exit code. */
export async function sync(context: Context, flags: SyncFlags): Promise<number> {
  const streams = flags.stream === undefined ? null : withParents(flags.stream.map((name) => streamNamed(name)));
  const apps = flags.app?.map(appOf) ?? null;
  const config = await context.config(apps === null ? ['pat', 'apps'] : ['pat']);
  // Queue, client and workers are half of what there is to load: that is done while the store is opened, its server
  // started. A run that finds nothing changed takes hardly longer.
  const opening = context.store(config);
  opening.catch(() => undefined);
  const {syncWhatIsWanted} = await load.runNow();
  return await syncWhatIsWanted(context, config, opening, {apps, streams, flags});
}
