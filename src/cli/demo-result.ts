import type {Simulator} from '../simulator/simulator.ts';
import {Database, type Connection} from '../store/database.ts';
import {CATALOGUE} from '../streams/catalogue.ts';
import {tableLines} from './table-text.ts';

/** Counts what the source has beside what the tables have, and tells both. Gives whether they are equal. */
export async function compare(
  simulator: Simulator,
  connection: Connection,
  out: (line: string) => void,
): Promise<boolean> {
  const database = new Database(connection, 1);
  const rows: [stream: string, source: number, live: number, deleted: number][] = [];
  try {
    for (const {name} of CATALOGUE.filter(({isDefault}) => isDefault)) {
      const [count] = await database.query<{live: number; deleted: number}>(
        `select count(*) filter (where _sync_deleted_at is null)::int as live,
           count(*) filter (where _sync_deleted_at is not null)::int as deleted from clarifai."${name}"`,
      );
      const source = [...simulator.truth(name)].length;
      rows.push([name, source, count?.live ?? 0, count?.deleted ?? 0]);
    }
  } finally {
    await database.close();
  }
  out('\nThe source and its copy now');
  const head = ['stream', 'at the source', 'live rows', 'rows marked deleted'];
  for (const line of tableLines(head, rows)) out(`  ${line}`);
  return rows.every(([, source, live]) => source === live);
}

/** What somebody might ask of the tables. */
const QUERIES = [
  `select coalesce(worker_model_id, worker_user_id, 'nobody known') as made_by, count(*) as annotations
from clarifai.annotations_current group by 1 order by 2 desc, 1 limit 5`,
  `select d.id as dataset, count(*) as inputs
from clarifai.datasets_current d join clarifai.dataset_inputs_current m on m.dataset_id = d.id
group by 1 order by 2 desc, 1 limit 5`,
  `select id, image_url is not null as is_image, _sync_deleted_at is not null as is_deleted, _sync_sequence as run
from clarifai.inputs order by _sync_changed_at desc, id limit 5`,
];

/** Asks the tables a few things, question and answer. */
export async function showQueries(connection: Connection, out: (line: string) => void): Promise<void> {
  const database = new Database(connection, 1);
  try {
    for (const sql of QUERIES) {
      const rows = await database.query<Record<string, string | number | boolean | null>>(sql);
      out(`\n${sql};`);
      const head = Object.keys(rows[0] ?? {});
      for (const line of tableLines(
        head,
        rows.map((row) => head.map((name) => String(row[name]))),
      ))
        out(`  ${line}`);
    }
  } finally {
    await database.close();
  }
}
