const SPECIAL = /[\\\t\n\r]/;
const ALL_SPECIAL = /[\\\t\n\r]/g;
const ESCAPES: Readonly<Record<string, string>> = {'\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r'};

/**
 * A value as one field of Postgres' text COPY with its default delimiter (a tab) and null marker (`\N`); SQL null is
 * written by the caller. The backspace, form feed and vertical tab that Postgres also knows escapes for may stand as
 * they are. Source: PostgreSQL manual, COPY, "Text Format".
 */
export function copyEscape(text: string): string {
  return SPECIAL.test(text) ? text.replace(ALL_SPECIAL, (c) => ESCAPES[c]!) : text;
}
