import type {RecordPaths} from './record-paths.ts';
import type {RecordScanner} from './record-scan.ts';
import type {RecordShape} from './shape.ts';

/** Length to which a rejected or repaired record is kept. */
const REJECT_RAW_BYTES = 64 * 1024;

/** A page under preparation: its bytes, and what was found in them. Records go by their number n in the page. */
export interface PageScan {
  readonly shape: RecordShape;
  readonly paths: RecordPaths;
  readonly bytes: Buffer;
  /** Offsets of record n: start at `2n`, end (after its last byte) at `2n + 1`. */
  readonly spans: Int32Array;
  /** Offsets of the values found; those of record n begin at `slotBaseOf(page, n)`. */
  readonly slots: Int32Array;
  /** Holds the cuts and marks of the record that it scanned last, and of no other. */
  readonly scanner: RecordScanner;
  readonly isUtf8: boolean;
}

/** Where the slots of record n begin in `page.slots`. */
export function slotBaseOf(page: PageScan, n: number): number {
  return n * page.paths.slotCount * 2;
}

/** Scans record n (again): afterwards the page's slots and its scanner speak of it. */
export function scanRecord(page: PageScan, n: number): void {
  page.scanner.scan(page.spans[2 * n]!, page.spans[2 * n + 1]!, slotBaseOf(page, n));
}

/** `bytes[start..end)` of the record scanned last, as it is stored: minified, without redacted members. */
export function storedBytes(page: PageScan, start: number, end: number): Buffer {
  const {storedCuts} = page.scanner;
  if (storedCuts.length === 0) return page.bytes.subarray(start, end);
  const target = Buffer.allocUnsafe(end - start);
  return target.subarray(0, storedCuts.copyRest(page.bytes, start, end, target));
}

/**
 * The record scanned last as a reject keeps it: a copy, unrepaired, minified and redacted, cut at 64 KiB. Null when it
 * cannot be read and might hold what is to be redacted.
 */
export function rejectRaw(page: PageScan, start: number, end: number): Buffer | null {
  const length = Math.min(end - start, REJECT_RAW_BYTES);
  if (page.scanner.fault === null) {
    const target = Buffer.alloc(length);
    return target.subarray(0, page.scanner.storedCuts.copyRest(page.bytes, start, end, target));
  }
  return page.paths.hasRedactions ? null : Buffer.from(page.bytes.subarray(start, start + length));
}
