/**
 * Places to leave out of a record, as pairs of offsets (start, end after the last byte), in order and not overlapping.
 * One is filled per record and reused for the next, so it allocates nothing on the hot path.
 */
export class CutList {
  /** Offsets in use: twice the number of cuts. Kept as a mark by whoever may later cut what is around. */
  length = 0;
  private offsets = new Int32Array(64);

  clear(): void {
    this.length = 0;
  }

  /** Adds a cut that begins at or after the end of the last one. */
  push(start: number, end: number): void {
    if (this.length === this.offsets.length) {
      const larger = new Int32Array(this.offsets.length * 2);
      larger.set(this.offsets);
      this.offsets = larger;
    }
    this.offsets[this.length++] = start;
    this.offsets[this.length++] = end;
  }

  /** Takes back the cuts made since `mark`, all of which lie inside, and makes this one in their place. */
  pushAround(mark: number, start: number, end: number): void {
    this.length = mark;
    this.push(start, end);
  }

  /**
   * Copies `bytes[start..end)` without the cuts to the beginning of `target`, at most as much as fits there, and gives
   * the number of bytes copied. No cut may reach over `start` or `end`.
   */
  copyRest(bytes: Buffer, start: number, end: number, target: Buffer): number {
    const {offsets, length} = this;
    let to = 0;
    let from = start;
    for (let c = 0; c < length; c += 2) {
      const cutStart = offsets[c]!;
      if (cutStart < start) continue;
      if (cutStart >= end) break;
      to = copyPiece(bytes, from, cutStart, target, to);
      from = offsets[c + 1]!;
    }
    return copyPiece(bytes, from, end, target, to);
  }
}

// A call into the runtime costs more than copying some dozen bytes by hand.
function copyPiece(bytes: Buffer, from: number, end: number, target: Buffer, to: number): number {
  const stop = Math.min(end, from + target.length - to);
  if (stop - from > 64) return to + bytes.copy(target, to, from, stop);
  while (from < stop) target[to++] = bytes[from++]!;
  return to;
}
