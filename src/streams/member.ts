/**
 * A member of a value that came as JSON, by a path of names; undefined where there is nothing. Never throws, and never
 * reads an inherited member, whatever the names are.
 */
export function member(value: unknown, ...path: string[]): unknown {
  let at: unknown = value;
  for (const name of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Record<string, unknown>)[name];
  }
  return at;
}

/** The same where only text is of use; undefined for anything else. */
export function textMember(value: unknown, ...path: string[]): string | undefined {
  const found = member(value, ...path);
  return typeof found === 'string' ? found : undefined;
}
