import {tableRows, type TableRow} from '../config/table-rows.ts';
import type {Scope} from '../core/scope.ts';

export interface ConfigTextOptions {
  readonly apps: readonly Scope[];
  /** The copy goes where DATABASE_URL says; else into an embedded Postgres. */
  readonly isDatabase: boolean;
  /** Path of the JSON Schema, for the editor. */
  readonly schemaFile: string;
}

/** A configuration file: what was chosen, and every other key that this version has, with its default, as a comment. */
export function configText({apps, isDatabase, schemaFile}: ConfigTextOptions): string {
  const sink = '  - {name: warehouse, type: postgres, url: "${DATABASE_URL}", schema: clarifai}';
  const blocks: readonly (readonly string[])[] = [
    [
      `# yaml-language-server: $schema=${schemaFile}`,
      '# The configuration of clarifai-sync. What begins with # is a default, and may be changed.',
      '# ${NAME} is read from the environment; "clarifai-sync check" tries all of it.',
    ],
    ['source:', '  pat: ${CLARIFAI_PAT}  # or CLARIFAI_PAT_FILE; never the token itself', ...section('source', '  ')],
    ['apps:', ...apps.map(({userId, appId}) => `  - {user_id: ${quoted(userId)}, app_id: ${quoted(appId)}}`)],
    ['# ' + line(rowNamed('streams'))],
    isDatabase
      ? ['# The first Postgres sink holds the copy and the ledger.', 'sinks:', sink]
      : [
          '# Left out: the copy is in an embedded Postgres in data_dir. The first Postgres sink takes its place.',
          '# sinks:',
          `# ${sink}`,
        ],
    ['# ' + line(rowNamed('data_dir'))],
    ['# run:', ...section('run', '#   ')],
  ];
  return `${blocks.map((block) => block.join('\n')).join('\n\n')}\n`;
}

const ROWS: readonly TableRow[] = tableRows();

function section(name: string, indent: string): string[] {
  const mark = indent.includes('#') ? indent : `${indent}# `;
  return ROWS.filter(({key, isSecret}) => key.startsWith(`${name}.`) && !isSecret).map((row) => mark + line(row));
}

function rowNamed(name: string): TableRow {
  const row = ROWS.find(({key}) => key === name);
  if (row === undefined) throw new Error(`the configuration has no key ${name}`);
  return row;
}

/** `settle: 10m  # How long …` */
function line({key, fallback, doc}: TableRow): string {
  return `${key.slice(key.lastIndexOf('.') + 1)}: ${valueText(fallback)}  # ${doc}`;
}

function valueText(value: unknown): string {
  return typeof value === 'string' && /^[\w./:+-]+$/.test(value) ? value : JSON.stringify(value);
}

const quoted = (text: string): string => (/^[A-Za-z][\w-]*$/.test(text) ? text : JSON.stringify(text));
