import {allKeys} from '../store/tables.ts';
import {CATALOGUE} from '../streams/catalogue.ts';
import {REFUSED} from '../streams/refused.ts';
import type {Stream} from '../streams/stream.ts';
import {VIEWS, type View} from '../streams/views.ts';
import {columnsOf, goesWith, proofText, requestsText, strategyText} from './stream-facts.ts';

/** The reference of all tables and views, as Markdown: docs/schema.md. */
export function schemaReference(): string {
  return [
    '# Tables and views',
    'Made from the catalogue by `npm run generate`; `clarifai-sync streams show NAME --schema` prints the same of one stream.',
    'Every table also has a view `NAME_current` without deleted rows, and where history is kept a table `NAME_history`.',
    OVERVIEW,
    overview(),
    '## Tables',
    ...CATALOGUE.map(tableText),
    '## Views',
    'Flat companions, made in the store beside the tables, over living rows alone. Numbers are exact (`numeric`); what is no number at the source is null.',
    ...VIEWS.map(viewText),
    '## Never read',
    ...Object.entries(REFUSED).map(([name, reason]) => `- \`${name}\`: ${reason}.`),
    '',
  ].join('\n\n');
}

const OVERVIEW = 'A stream is read by default or only when it is named; `streams: all` names all of them.';

function overview(): string {
  const rows = CATALOGUE.map((stream) =>
    row(
      `[${stream.name}](#${stream.name})`,
      stream.isDefault ? 'default' : 'optional',
      stream.scope,
      stream.under?.stream ?? '',
      stream.strategy,
      stream.proof.kind,
    ),
  );
  return [row('stream', 'read', 'of', 'under', 'strategy', 'proof'), RULE(6), ...rows].join('\n');
}

function tableText(stream: Stream): string {
  const requests = requestsText(stream);
  const parents = goesWith(stream);
  const facts = [
    `- Key: ${allKeys(stream).map(code).join(', ')}`,
    `- Read ${stream.isDefault ? 'by default' : 'only when it is named'}: ${stream.strategy}, ${strategyText(stream)}`,
    `- Deleted when ${proofText(stream)}${parents.length === 0 ? '' : `, and with deleted records of ${parents.join(', ')}`}`,
    `- Requests with nothing changed: ${requests.unchanged}`,
    `- Requests to read all: ${requests.all}`,
    ...(stream.removedSince === undefined
      ? []
      : [`- No longer in the API since ${stream.removedSince}: asked for once a week`]),
  ];
  const columns = columnsOf(stream).map(({name, type, source, doc}) => row(code(name), type, source, doc));
  const table = [row('column', 'type', 'from', 'holds'), RULE(4), ...columns];
  return [`### ${stream.name}`, stream.doc, facts.join('\n'), table.join('\n')].join('\n\n');
}

function viewText({name, of, doc, columns, example}: View): string {
  const table = [
    row('column', 'type', 'holds'),
    RULE(3),
    ...columns.map((column) => row(code(column.name), column.type, column.doc)),
  ];
  const query = example.replaceAll('{schema}', 'clarifai');
  return [`### ${name}`, `${doc} Over \`${of}\`.`, table.join('\n'), `\`\`\`sql\n${query};\n\`\`\``].join('\n\n');
}

const RULE = (cells: number): string => `|${' --- |'.repeat(cells)}`;
const row = (...cells: readonly string[]): string =>
  `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
const code = (name: string): string => `\`${name}\``;
