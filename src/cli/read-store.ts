import type {Config} from '../config/config.ts';
import type {Store} from '../store/ledger.ts';
import {isEmbeddedMade, isStoreMade} from '../store/is-made.ts';
import {closeStore, openStore} from '../store/open.ts';
import {overlaysOf, type Context} from './context.ts';

/** What a command says that asks a store nobody has made yet. */
export const NOTHING_SYNCED =
  'nothing was ever synced here: "clarifai-sync check" tries the set-up, "clarifai-sync sync" does the first run';

/**
 * The store, for a command that only asks it something; null when nobody has made one, so that a question makes none.
 * @throws StoreUnavailableError, StoreRefusedError
 */
export async function storeToRead(context: Context, config: Config): Promise<Store | null> {
  if (config.store.kind === 'embedded' && !(await isEmbeddedMade(config.store.dataDir))) return null;
  const connection = await context.connection(config);
  // Opening would make what is not there.
  if (!(await isStoreMade(connection))) return null;
  const {schema, history} = config.store;
  const store = await openStore({
    connection,
    schema,
    history,
    leaseMs: config.run.leaseMs,
    overlays: overlaysOf(config),
  });
  context.defer(() => closeStore(store));
  return store;
}
