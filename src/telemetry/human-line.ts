/** A log line as pino makes it, parsed. */
export type LogRecord = Readonly<Record<string, unknown>>;

/** Members that are not fields, or say nothing on a terminal. */
const HIDDEN_MEMBERS = new Set(['level', 'time', 'pid', 'hostname', 'msg', 'err']);

/**
 * A log record as one line for a terminal: local time, level, message, fields. An error follows with its code; its
 * stack, on further lines, only when it is not one of ours (those say what to do, others are defects).
 * @example humanLine(record) // '12:03:04 info  page committed stream=inputs records=1000'
 */
export function humanLine(record: LogRecord): string {
  const time = new Date(String(record['time']));
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map((part) => String(part).padStart(2, '0'));
  const fields = Object.entries(record).filter(([name]) => !HIDDEN_MEMBERS.has(name));
  const parts = [clock.join(':'), String(record['level']).padEnd(5), printable(String(record['msg'] ?? ''))];
  parts.push(...fields.map(([name, value]) => `${printable(name)}=${fieldText(value)}`));
  const error = record['err'];
  return `${parts.join(' ')}${isRecord(error) ? errorText(error) : ''}\n`;
}

function errorText(error: LogRecord): string {
  const code = typeof error['code'] === 'string' ? error['code'] : String(error['type'] ?? 'Error');
  const text = ` err=${printable(code)} ${lines(error['message'])}`;
  return code.startsWith('SYNC_') && !code.startsWith('SYNC_BUG_') ? text : `${text}\n    ${lines(error['stack'])}`;
}

/** Several lines stay several, indented. */
const lines = (text: unknown) =>
  String(text ?? '')
    .split('\n')
    .map((line) => printable(line.trim()))
    .join('\n    ');

function fieldText(value: unknown): string {
  if (typeof value !== 'string') return printable(JSON.stringify(value) ?? '');
  return printable(value === '' || /[\s"=]/.test(value) ? JSON.stringify(value) : value);
}

/** Control characters written out: what a server sent must not move the cursor or colour the terminal. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function isRecord(value: unknown): value is LogRecord {
  return typeof value === 'object' && value !== null;
}
