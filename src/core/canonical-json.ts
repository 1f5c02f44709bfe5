/**
 * One text for equal values: members sorted by name, no space, numbers as JavaScript writes them. Escapes stay escapes,
 * so the text holds no NUL and no half of a surrogate pair.
 * @param json text of any JSON value; depth is bounded by what the caller lets through
 * @throws SyntaxError for what is not JSON
 * @example canonicalJson('{"b":1.0,"a":"x"}') // '{"a":"x","b":1}'
 */
export function canonicalJson(json: string): string {
  return textOf(JSON.parse(json));
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(textOf).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${textOf(member)}`).join(',')}}`;
}
