import type {ColumnType} from '../core/shape.ts';
import type {SinkTable} from '../sinks/sink.ts';
import type {Field, FieldType} from '../sinks/table-shape.ts';
import {replicatedColumns} from '../store/changes.ts';
import {allKeys} from '../store/tables.ts';
import type {Stream} from '../streams/stream.ts';

/** Columns that every table has: type, whether it can be null, and the number that no other field gets. */
const OWN: Readonly<Record<string, readonly [FieldType, boolean, number]>> = {
  raw: ['json', true, 100],
  _sync_run_id: ['uuid', true, 101],
  _sync_sequence: ['bigint', true, 102],
  _sync_first_sequence: ['bigint', true, 103],
  _sync_hash: ['bytes', true, 104],
  _sync_first_seen_at: ['timestamp', true, 105],
  _sync_changed_at: ['timestamp', true, 106],
  _sync_deleted_at: ['timestamp', false, 107],
};

/** Fields of a stream are numbered in the order of its declaration: a new column goes to the end, and none is taken out. */
const FIRST_COLUMN_ID = 200;

/** A stream's table as sinks see it. */
export function sinkTable(stream: Stream): SinkTable {
  const keys = allKeys(stream);
  const types = new Map<string, ColumnType>(stream.shape.columns.map((column) => [column.name, column.type]));
  const ids = new Map(stream.shape.columns.map((column, i) => [column.name, FIRST_COLUMN_ID + i]));
  const fields = replicatedColumns(stream).map((name, i): Field => {
    const own = OWN[name];
    if (own !== undefined) return {name, type: own[0], isRequired: own[1], id: own[2]};
    const type = types.get(name);
    if (type === undefined) return {name, type: 'text', isRequired: true, id: i + 1};
    return {name, type, isRequired: false, id: ids.get(name) as number};
  });
  return {stream: stream.name, fields, keyCount: keys.length};
}
