/** What stands in a record for what cannot be stored: U+FFFD, written as JSON writes it. */
const REPLACEMENT = '\\ufffd';
const SUSPECT = /\\u(?:0000|[dD][89a-fA-F])/;
// Escapes from the left, so that the second backslash of `\\u0000` begins none; a good pair is one match.
const ESCAPE = /\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[^u])/g;
const BROKEN = /^\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2})$/;

/** JSON text that jsonb can hold, and where in the text as given the repaired escapes began. */
export interface RepairedJson {
  readonly json: string;
  readonly at: readonly number[];
}

/**
 * Replaces escapes that jsonb cannot hold, `\u0000` and surrogates without their other half, by `\ufffd`. All else
 * stays as it is written. The text must be JSON with well-formed escapes (RecordScanner sees to that).
 */
export function repairEscapes(json: string): RepairedJson {
  if (!SUSPECT.test(json)) return {json, at: []};
  const at: number[] = [];
  const repaired = json.replace(ESCAPE, (escape, offset: number) => {
    if (!BROKEN.test(escape)) return escape;
    at.push(offset);
    return REPLACEMENT;
  });
  return {json: repaired, at};
}

/**
 * Where in `text`, which is `bytes` decoded as UTF-8, the first U+FFFD stands that the bytes do not hold themselves;
 * -1 when there is none.
 */
export function firstReplaced(bytes: Buffer, text: string): number {
  let byteAt = 0;
  let from = 0;
  for (let at = text.indexOf('\ufffd'); at !== -1; at = text.indexOf('\ufffd', from)) {
    byteAt += Buffer.byteLength(text.slice(from, at));
    if (bytes[byteAt] !== 0xef || bytes[byteAt + 1] !== 0xbf || bytes[byteAt + 2] !== 0xbd) return at;
    byteAt += 3;
    from = at + 1;
  }
  return -1;
}

/**
 * For people: the place in a minified JSON text that the character at `at` belongs to, such as `data.regions[2].value`.
 * A member's name counts as the place it names. Names are as written.
 */
export function placeOf(json: string, at: number): string {
  const path: (string | number)[] = [];
  for (let i = 0; i <= at && i < json.length; i++) {
    const c = json[i];
    const last = path.length - 1;
    if (c === '{') path.push('');
    else if (c === '[') path.push(0);
    else if (c === '}' || c === ']') path.pop();
    else if (c === ',' && typeof path[last] === 'number') path[last]++;
    else if (c === '"') {
      const start = i + 1;
      for (i++; i < json.length && json[i] !== '"'; i++) if (json[i] === '\\') i++;
      if (json[i + 1] === ':') path[last] = json.slice(start, i);
    }
  }
  return path.map((step, k) => (typeof step === 'number' ? `[${step}]` : k === 0 ? step : `.${step}`)).join('');
}

/** Can Postgres hold this text as it is, and can the API be asked for it? Not with a NUL or half a surrogate pair in it. */
export function isWholeText(text: string): boolean {
  return !/\u0000|\p{Surrogate}/u.test(text);
}
