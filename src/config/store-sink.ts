import {databasePlaceOf} from '../core/places.ts';

/** What `state`, or a Postgres sink, says of where its tables are. */
export interface TablesPlace {
  readonly url?: unknown;
  readonly schema?: unknown;
}

const DEFAULT_SCHEMA = 'clarifai';

/** Schema of the mirror: `state.schema`, else that of the first Postgres sink, else `clarifai`. */
export function storeSchemaOf(state: TablesPlace, sinks: readonly TablesPlace[]): string {
  return [state.schema, sinks[0]?.schema].find((schema) => typeof schema === 'string') ?? DEFAULT_SCHEMA;
}

/**
 * The Postgres sink that is the store: without `state.url` the first one, else the one that names the same database and
 * schema.
 */
export function storeSinkOf<Sink extends TablesPlace>(state: TablesPlace, sinks: readonly Sink[]): Sink | undefined {
  if (state.url === undefined) return sinks[0];
  const place = tablesPlaceOf({url: state.url, schema: storeSchemaOf(state, sinks)});
  return sinks.find((sink) => place !== null && tablesPlaceOf(sink) === place);
}

/** One text for each database and schema; null where nothing is written that could be compared. */
export function tablesPlaceOf({url, schema = DEFAULT_SCHEMA}: TablesPlace): string | null {
  const database = typeof url === 'string' ? databasePlaceOf(url) : null;
  return database === null || typeof schema !== 'string' ? null : JSON.stringify([database, schema]);
}
