import {assert} from '../core/errors.ts';
import {isWholeText} from '../core/repair.ts';

/** Values for the `{name}` parts of a path template. */
export type PathParams = Readonly<Record<string, string>>;

export type QueryValue = string | number | boolean | readonly string[];

/** Query parameters in snake_case, as the API wants them; an array repeats its name. */
export type Query = Readonly<Record<string, QueryValue>>;

/**
 * Path of a template with each `{name}` replaced by its percent-encoded value.
 * Ids are free text: `/` becomes %2F, and the ids `.` and `..` become %2E and %2E%2E, because a bare dot segment is
 * taken out of a path by everybody on the way. undici sends the path as it is given; a URL object would take the
 * encoded ones out too, so a path never goes through one.
 * An empty id would name the list instead of the record, and one with an unpaired surrogate another record: both are
 * bugs of the caller.
 * @example fillPath('/v2/users/{user_id}/apps', {user_id: 'a/b'}) // '/v2/users/a%2Fb/apps'
 */
export function fillPath(template: string, params: PathParams): string {
  return template.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = params[name];
    assert(value !== undefined && value !== '', `path ${template} needs a value for ${name}`);
    const encoded = encodePart(value);
    return /^\.{1,2}$/.test(encoded) ? encoded.replaceAll('.', '%2E') : encoded;
  });
}

/** Query string with its `?`; empty when there are no parameters. Order is that of the object. */
export function queryString(query: Query): string {
  const parts: string[] = [];
  for (const [name, value] of Object.entries(query)) {
    const values = typeof value === 'object' ? value : [String(value)];
    for (const one of values) parts.push(`${encodePart(name)}=${encodePart(one)}`);
  }
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
}

/** Can the API be asked for this id, and the store remember it? Not so if it holds an unpaired surrogate or a NUL. */
export function canBeAsked(id: string): boolean {
  return id !== '' && isWholeText(id);
}

/** Percent-encoded form of one path segment or query value. */
export function encodePart(value: string): string {
  assert(!/\p{Surrogate}/u.test(value), 'a value with an unpaired surrogate cannot be asked for');
  return encodeURIComponent(value);
}
