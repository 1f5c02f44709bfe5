import type {KeyPart} from '../core/shape.ts';
import {allKeys, SYNC_COLUMNS, sqlType} from '../store/tables.ts';
import type {Proof, Strategy, Stream} from '../streams/stream.ts';

/** A column of a stream's table, as people are told of it. */
export interface ColumnFacts {
  readonly name: string;
  readonly type: string;
  /** Where in the record it comes from; '' for what this service adds. */
  readonly source: string;
  readonly doc: string;
}

/** How each strategy works, for people. */
const STRATEGIES: Readonly<Record<Strategy, string>> = {
  tail: 'new records from the end of the list on; all of it in a full run',
  window: 'a search by time of change; all of the list in a full run',
  list: 'all of the list, each time',
  children: 'the list under each parent that may have changed; under all of them in a full run',
  members: 'the members of each parent that may have changed; of all of them in a full run',
  fixed: 'once under each parent that is ready, and again only after a reset',
};

const PROOFS: Readonly<Record<Proof['kind'], string>> = {
  id: 'the API says, asked for this one, that it does not exist',
  twice: 'two full readings in a row missed it',
};

export const strategyText = ({strategy}: Stream): string => STRATEGIES[strategy];

export const proofText = ({proof}: Stream): string => PROOFS[proof.kind];

/** Streams whose deleted records take ours along. */
export const goesWith = (stream: Stream): readonly string[] =>
  [...(stream.under === undefined ? [] : [stream.under]), ...(stream.cascade ?? [])].map((parent) => parent.stream);

/** Every column of a stream's table, in order. */
export function columnsOf(stream: Stream): readonly ColumnFacts[] {
  const owner = allKeys(stream).slice(0, 2);
  return [
    ...owner.map((name) => ({name, type: 'text not null', source: 'request', doc: 'Part of the primary key.'})),
    ...stream.shape.key.map((part) => ({
      name: part.name,
      type: 'text not null',
      source: sourceOf(part),
      doc: 'Part of the primary key.',
    })),
    ...stream.shape.columns.map((column) => ({
      name: column.name,
      type: sqlType(column),
      source: column.path.join('.'),
      doc: column.doc,
    })),
    {
      name: 'raw',
      type: 'jsonb not null',
      source: 'the record',
      doc: 'The record as the API gave it, redacted and repaired.',
    },
    ...SYNC_COLUMNS.map(([name, type, doc]) => ({name, type, source: '', doc})),
  ];
}

function sourceOf(part: KeyPart): string {
  switch (part.from) {
    case 'parent':
      return 'request';
    case 'record':
      return part.path.join('.');
    case 'choice':
      return part.choices.map(({name, path}) => (part.give === 'which' ? name : path.join('.'))).join(' or ');
  }
}

/** What reading the stream costs, in requests: in a run with nothing changed, and in one that reads all of it. */
export function requestsText(stream: Stream): {readonly unchanged: string; readonly all: string} {
  const size = stream.pageSize ?? 1_000;
  const lists = stream.lists.length === 1 ? '' : ` in each of ${stream.lists.length} lists`;
  const pages = stream.pages === 'single' ? '1' : `1 for every ${size} records and 1 for the empty page${lists}`;
  switch (stream.strategy) {
    case 'tail':
      return {unchanged: 'none while the marker stands', all: `${pages}, and 1 for their number`};
    case 'window':
      return {unchanged: 'none while the marker stands', all: `${pages}, and a search or two`};
    case 'list':
      return {unchanged: pages, all: pages};
    case 'children':
      return {
        unchanged: `none but for parents that show a change${liveText(stream)}, and each once in run.sweep_hours`,
        all: `for each record of ${stream.under?.stream}: ${pages}`,
      };
    case 'members':
      return {
        unchanged: 'none but for parents that show a change, and each once in run.sweep_hours while the marker moves',
        all: `for each record of ${stream.under?.stream}: ${pages}`,
      };
    case 'fixed':
      return {unchanged: 'none', all: `once for each record of ${stream.under?.stream} that is ready: ${pages}`};
  }
}

const liveText = ({under, pendingCodes}: Stream): string =>
  under?.live !== undefined ? ' or are worked on' : pendingCodes.length > 0 ? ' or have a child that is not final' : '';
