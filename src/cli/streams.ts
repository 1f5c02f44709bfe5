import {allKeys} from '../store/tables.ts';
import {CATALOGUE, streamNamed} from '../streams/catalogue.ts';
import {keyNames, type Stream} from '../streams/stream.ts';
import type {Surroundings} from './context.ts';
import {columnsOf, goesWith, proofText, requestsText, strategyText} from './stream-facts.ts';
import {tableLines} from './table-text.ts';

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
  out(`  strategy   ${stream.strategy}: ${strategyText(stream)}`);
  out(`  proof      ${stream.proof.kind}: a record counts as deleted when ${proofText(stream)}`);
  const parents = goesWith(stream);
  if (parents.length > 0) out(`  goes with  deleted records of ${parents.join(', ')}`);
  const requests = requestsText(stream);
  out(`  requests   with nothing changed ${requests.unchanged}; to read all ${requests.all}`);
  if (!schema) {
    out(`  columns    ${stream.shape.columns.map((column) => column.name).join(', ')}`);
    return 0;
  }
  out(`  columns of the tables ${stream.name} and, without deleted rows, ${stream.name}_current:`);
  const rows = columnsOf(stream).map(({name: column, type, source, doc}) => [column, type, source, doc]);
  for (const line of tableLines(['column', 'type', 'from', 'holds'], rows)) out(`    ${line}`);
  return 0;
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
    requests: requestsText(stream),
    columns: withSchema ? columnsOf(stream) : stream.shape.columns.map((column) => column.name),
  };
}
