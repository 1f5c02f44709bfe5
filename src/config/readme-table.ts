import {UsageError} from '../core/errors.ts';
import {tableRows} from './table-rows.ts';
import type {TableRow} from './table-rows.ts';

const START = '<!-- config:start -->';
const END = '<!-- config:end -->';

/** The table of all keys in Markdown: key, default, what it is. */
export function configTableText(): string {
  const lines = tableRows().map((row) => `| \`${row.key}\` | ${cell(fallbackText(row))} | ${cell(row.doc)} |`);
  return ['| key | default | what it is |', '| --- | --- | --- |', ...lines].join('\n');
}

/** The README with a current table between its two markers. Throws UsageError when a marker is missing. */
export function withConfigTable(readme: string): string {
  const start = readme.indexOf(START);
  const end = readme.indexOf(END);
  if (start === -1 || end < start)
    throw new UsageError(`the README needs the lines ${START} and ${END}, in this order`);
  return `${readme.slice(0, start + START.length)}\n\n${configTableText()}\n\n${readme.slice(end)}`;
}

function fallbackText({fallback, env}: TableRow): string {
  if (env !== undefined && (fallback === undefined || fallback === null)) return `\`\${${env}}\``;
  if (fallback === undefined) return 'must be given';
  if (fallback === null) return '';
  const text = Array.isArray(fallback) ? `[${fallback.join(', ')}]` : String(fallback);
  return `\`${text}\`${env === undefined ? '' : `, or \`\${${env}}\``}`;
}

const cell = (text: string) => text.replaceAll('|', '\\|');
