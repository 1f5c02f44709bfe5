/** Deletions that are never held back, however small the stream. */
const FLOOR_ROWS = 100;

/**
 * May this many rows of a stream be marked deleted at once? (Invariant 3.)
 * @param missing rows that would be marked
 * @param live living rows of the stream, the missing ones included
 */
export function mayDelete(missing: number, live: number, maxDeleteRatio: number): boolean {
  return missing <= Math.max(FLOOR_ROWS, Math.floor(live * maxDeleteRatio));
}
