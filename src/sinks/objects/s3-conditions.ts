import {httpStatusOf, storeCodeOf} from './s3-errors.ts';
import type {S3Objects} from './s3-objects.ts';

export interface Conditions {
  readonly IfNoneMatch?: string;
  readonly IfMatch?: string;
}

/** Puts under a condition. Of several at once all but one may be refused with 409 or even 500 (facts-s3.md, section 2). */
export async function putIf(
  objects: S3Objects,
  key: string,
  bytes: Buffer,
  conditions: Conditions,
): Promise<'ok' | 'not met' | 'not offered'> {
  try {
    await objects.put(key, bytes, {conditions});
    return 'ok';
  } catch (error) {
    if (isNotOffered(error)) return 'not offered';
    const status = httpStatusOf(error);
    if (status === 412 || status === 409 || (status === 404 && storeCodeOf(error) !== 'NoSuchBucket')) return 'not met';
    throw error;
  }
}

/** Only this means that a store has no conditions; any other refusal is one (facts-s3.md, section 2). */
export function isNotOffered(error: unknown): boolean {
  return httpStatusOf(error) === 501 || storeCodeOf(error) === 'NotImplemented';
}

/** How a store wants to be told which content is to be replaced; `none`: it takes no condition that we know of. */
const FORMS = ['quoted', 'bare', 'none'] as const;

/** Others may come in between this often; whoever is overtaken more often than this finds what is newer there. */
const MOST_TRIES = 10;

/** `ObjectStore.advance` for S3; what stores make of the conditions is in facts-s3.md, section 2. */
export async function advance(
  objects: S3Objects,
  key: string,
  bytes: Buffer,
  isOlder: (there: Buffer | null) => boolean,
): Promise<boolean> {
  let form = 0;
  let refusedAt: string | null | undefined;
  for (let attempt = 1; ; attempt++) {
    const there = await objects.read(key);
    // Also the answer to a condition that our own first try has made untrue, when its answer was lost.
    if (there?.bytes.equals(bytes)) return true;
    if (attempt > MOST_TRIES || !isOlder(there?.bytes ?? null)) return false;
    const etag = there?.etag ?? null;
    // Refused although nothing has changed since: the store does not take the condition in this form.
    if (refusedAt === etag) form++;
    const conditions = conditionsOf(FORMS[form] ?? 'none', there === null, etag);
    const came = await putIf(objects, key, bytes, conditions);
    refusedAt = came === 'not met' ? etag : undefined;
    if (came === 'not offered') form = FORMS.indexOf('none');
  }
}

function conditionsOf(form: (typeof FORMS)[number], isAbsent: boolean, etag: string | null): Conditions {
  if (form === 'none') return {};
  if (isAbsent) return {IfNoneMatch: '*'};
  if (etag === null) return {};
  return {IfMatch: form === 'quoted' ? etag : etag.replaceAll('"', '')};
}
