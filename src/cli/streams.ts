import {allKeys, SYNC_COLUMNS, sqlType} from '../store/tables.ts';
import {CATALOGUE, streamNamed} from '../streams/catalogue.ts';
import {keyNames, type Proof, type Strategy, type Stream} from '../streams/stream.ts';
import type {Surroundings} from './context.ts';
import {tableLines} from './table-text.ts';

/** How each strategy works, for people. */
const STRATEGIES: Readonly<Record<Strategy, string>> = {
  tail: 'new records from the end of the list on; all of it in a full run',
  window: 'a search by time of change; all of the list in a full run',
  list: 'all of the list, each time',
  children: 'the list under each parent that may have changed; under all of them in a full run',
  members: 'the members of each parent that may have changed; of all of them in a full run',
  fixed: 'read once',
};

const PROOFS: Readonly<Record<Proof['kind'], string>> = {
  id: 'the API says, asked for this one, that it does not exist',
  twice: 'two full readings in a row missed it',
};

/** The catalogue, a line for each stream. */
export function listStreams({out}: Surroundings, isJson: boolean): number {
  if (isJson) {
    out(JSON.stringify(CATALOGUE.map((stream) => streamDocument(stream, false))));
    return 0;
  }
  const rows = CATALOGUE.map((stream) => [
    stream.name,
    stream.isDefault ? 'default' : 'optional',
    stream.scope,
    stream.under?.stream ?? '',
    keyNames(stream).join(', '),
    stream.strategy,
    stream.proof.kind,
  ]);
  for (const line of tableLines(['stream', 'read', 'of', 'under', 'key', 'strategy', 'proof'], rows)) out(line);
  return 0;
}

/** One stream. Throws UsageError when there is none of that name. */
export function showStream(
  {out}: Surroundings,
  name: string,
  {schema = false, json = false}: {readonly schema?: boolean; readonly json?: boolean},
): number {
  const stream = streamNamed(name);
  if (json) {
    out(JSON.stringify(streamDocument(stream, schema)));
    return 0;
  }
  out(`${stream.name}: ${stream.doc}`);
  out(`  read       ${stream.isDefault ? 'by default' : 'only when it is named'}, of each ${stream.scope}`);
  if (stream.under !== undefined) out(`  under      each record of ${stream.under.stream}`);
  out(`  key        ${allKeys(stream).join(', ')}`);
  out(`  strategy   ${stream.strategy}: ${STRATEGIES[stream.strategy]}`);
  out(`  proof      ${stream.proof.kind}: a record counts as deleted when ${PROOFS[stream.proof.kind]}`);
  const parents = [...(stream.under === undefined ? [] : [stream.under]), ...(stream.cascade ?? [])];
  if (parents.length > 0) out(`  goes with  deleted records of ${parents.map((parent) => parent.stream).join(', ')}`);
  if (!schema) {
    out(`  columns    ${stream.shape.columns.map((column) => column.name).join(', ')}`);
    return 0;
  }
  out(`  columns of the tables ${stream.name} and, without deleted rows, ${stream.name}_current:`);
  const rows = columnsOf(stream).map(({name: column, type, doc}) => [column, type, doc]);
  for (const line of tableLines(['column', 'type', 'holds'], rows)) out(`    ${line}`);
  return 0;
}

interface ColumnDocument {
  readonly name: string;
  readonly type: string;
  readonly doc: string;
}

function columnsOf(stream: Stream): ColumnDocument[] {
  return [
    ...allKeys(stream).map((name) => ({name, type: 'text not null', doc: 'Part of the primary key.'})),
    ...stream.shape.columns.map((column) => ({name: column.name, type: sqlType(column), doc: column.doc})),
    {name: 'raw', type: 'jsonb not null', doc: 'The record as the API gave it, redacted and repaired.'},
    ...SYNC_COLUMNS.map(([name, type, doc]) => ({name, type, doc})),
  ];
}

function streamDocument(stream: Stream, withSchema: boolean) {
  return {
    stream: stream.name,
    doc: stream.doc,
    default: stream.isDefault,
    scope: stream.scope,
    under: stream.under?.stream ?? null,
    key: allKeys(stream),
    strategy: stream.strategy,
    proof: stream.proof.kind,
    columns: withSchema ? columnsOf(stream) : stream.shape.columns.map((column) => column.name),
  };
}
