import {ByteSpans, readObject, skipSpace, skipValue} from './json-scan.ts';

/** `status` of an answer. `code` as it came: a number, digits or a name. */
export interface ApiStatus {
  readonly code: number | string | null;
  readonly description: string | null;
  readonly details: string | null;
  readonly reqId: string | null;
}

/** What the bytes of an answer are, without parsing the records in it. */
export type Envelope =
  | {
      readonly kind: 'status';
      readonly status: ApiStatus;
      /** Bounds of the records as pairs [start, end): record i is `bytes.subarray(spans[2 * i], spans[2 * i + 1])`. */
      readonly spans: Int32Array;
      /** Elements in which there was no record at `recordMember`. */
      readonly skipped: number;
    }
  /** The gateway's own error, `{"code": 5, "message": "…"}`: the call never reached the API proper. */
  | {readonly kind: 'gateway'; readonly code: number | null; readonly message: string | null}
  /** Not an answer: cut off, not JSON, or JSON of another kind. */
  | {readonly kind: 'broken'; readonly reason: string};

/** Where the records are in an answer. */
export interface RecordPlace {
  /** Member of the answer that holds them: an array, or an object that is the one record. Absent or null: no records. */
  readonly field: string;
  /** For search hits: the member of each element that is the record. */
  readonly member?: string;
  /** For lists of plain values: each becomes a record with the value under this name. */
  readonly wrapAs?: string;
}

const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
const NULL_INITIAL = 0x6e;

/**
 * Finds `status` and the bounds of the records in the bytes of an answer. Walks to the last brace, so that a body cut
 * anywhere, or with something after it, is `broken`; but it does not validate the inside of records. As in
 * JSON.parse, the last of two equal members wins. One pass, and UTF-8 holds none of the bytes that matter here inside
 * a character, so nothing is decoded (facts-speed.md, section 2).
 */
export function scanEnvelope(bytes: Buffer, place: RecordPlace | null): Envelope {
  const seen: Record<'status' | 'code' | 'message', Span | null> = {status: null, code: null, message: null};
  let records: Records | null = NO_RECORDS;

  const start = skipSpace(bytes, 0);
  if (start === bytes.length) return broken('the body is empty');
  if (bytes[start] !== OPEN_BRACE) return broken('the body is not a JSON object');
  const end = readObject(bytes, start, (name, at) => {
    if (name === place?.field) {
      records = scanRecords(bytes, at, place.member ?? null);
      return records?.end ?? skipValue(bytes, at);
    }
    const valueEnd = skipValue(bytes, at);
    if (name === 'status' || name === 'code' || name === 'message') seen[name] = [at, valueEnd];
    return valueEnd;
  });
  if (end < 0) return broken('the body is cut off or not JSON');
  if (skipSpace(bytes, end) !== bytes.length) return broken('there is something after the JSON object');

  if (seen.status === null) return gatewayError(bytes, seen.code, seen.message);
  const status = parseStatus(bytes, seen.status);
  if (status === null) return broken('its status is not an object');
  if (records === null) return broken(`${place?.field} is neither an array nor an object`);
  const {spans, skipped}: Records = records;
  return {kind: 'status', status, spans, skipped};
}

type Span = readonly [start: number, end: number];

interface Records {
  readonly spans: Int32Array;
  readonly skipped: number;
  /** Where their container ends; -1 if it is no whole value. */
  readonly end: number;
}

const NO_RECORDS: Records = {spans: new Int32Array(0), skipped: 0, end: -1};

const broken = (reason: string): Envelope => ({kind: 'broken', reason});

/** null for a scalar other than null: there is no list in it, and "no records" would be a guess. */
function scanRecords(bytes: Buffer, start: number, member: string | null): Records | null {
  if (bytes[start] === OPEN_BRACE) {
    const end = skipValue(bytes, start);
    return {spans: Int32Array.of(start, end), skipped: 0, end};
  }
  if (bytes[start] === OPEN_BRACKET) return scanArray(bytes, start, member);
  const end = skipValue(bytes, start);
  return bytes.toString('latin1', start, Math.max(start, end)) === 'null' ? {...NO_RECORDS, end} : null;
}

function scanArray(bytes: Buffer, start: number, member: string | null): Records {
  const spans = new ByteSpans();
  let skipped = 0;
  let at = skipSpace(bytes, start + 1);
  if (bytes[at] === CLOSE_BRACKET) return {...NO_RECORDS, end: at + 1};
  for (;;) {
    let recordStart = at;
    let recordEnd: number;
    let end: number;
    if (member === null) end = recordEnd = skipValue(bytes, at);
    else [recordStart, recordEnd, end] = scanElement(bytes, at, member);
    if (end < 0) return NO_RECORDS;
    if (recordEnd < 0) skipped += 1;
    else spans.push(recordStart, recordEnd);
    at = skipSpace(bytes, end);
    if (bytes[at] === CLOSE_BRACKET) return {spans: spans.toArray(), skipped, end: at + 1};
    if (bytes[at] !== COMMA) return NO_RECORDS;
    at = skipSpace(bytes, at + 1);
  }
}

/** Bounds of what `member` holds in the element at `at`, -1 where it is absent or null; and the element's own end. */
function scanElement(bytes: Buffer, at: number, member: string): [start: number, end: number, elementEnd: number] {
  if (bytes[at] !== OPEN_BRACE) return [-1, -1, skipValue(bytes, at)];
  let start = -1;
  let end = -1;
  const elementEnd = readObject(bytes, at, (name, valueStart) => {
    const valueEnd = skipValue(bytes, valueStart);
    if (name === member) [start, end] = bytes[valueStart] === NULL_INITIAL ? [-1, -1] : [valueStart, valueEnd];
    return valueEnd;
  });
  return [start, end, elementEnd];
}

function parseStatus(bytes: Buffer, [start, end]: Span): ApiStatus | null {
  const parsed = parseJson(bytes, start, end);
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return null;
  const {code, description, details, req_id: reqId} = parsed as Record<string, unknown>;
  return {
    code: typeof code === 'number' || typeof code === 'string' ? code : null,
    description: textOrNull(description),
    details: textOrNull(details),
    reqId: textOrNull(reqId),
  };
}

function gatewayError(bytes: Buffer, code: Span | null, message: Span | null): Envelope {
  if (code === null && message === null) return broken('the answer has no status');
  const parsedCode = code === null ? null : parseJson(bytes, ...code);
  const parsedMessage = message === null ? null : parseJson(bytes, ...message);
  return {
    kind: 'gateway',
    code: typeof parsedCode === 'number' ? parsedCode : null,
    message: textOrNull(parsedMessage),
  };
}

/** undefined for what is not JSON. */
function parseJson(bytes: Buffer, start: number, end: number): unknown {
  try {
    return JSON.parse(bytes.toString('utf8', start, end));
  } catch {
    return undefined;
  }
}

const textOrNull = (value: unknown) => (typeof value === 'string' && value !== '' ? value : null);
