import {assert} from '../../core/errors.ts';

/**
 * A key is relative and stays below its root: segments between slashes, none of them empty, `.` or `..`. What comes from
 * the source is percent-encoded before (layout.ts), so anything else is a defect of ours.
 */
export function assertKey(key: string): void {
  const isSafe = key.split('/').every((segment) => segment !== '' && segment !== '.' && segment !== '..');
  assert(isSafe && !key.includes('\0'), 'a key of an object store must stay below its root', {key});
}
