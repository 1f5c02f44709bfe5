import type {SourceOptions} from '../../src/source/open-client.ts';
import type {Fault} from '../../src/simulator/faults.ts';
import type {Settings} from '../../src/simulator/settings.ts';

/** What a run may come to. `error` is that of the stream, or of the run where the run itself was ended. */
export interface Failure {
  readonly outcome: string;
  readonly exit: number;
  readonly error: string;
}

/**
 * `truth`: succeeds, and nothing differs. `late`: succeeds; nothing is wrong, but what the fault hid may be missing
 * until the next run. `lost`: it may be missing until the stream is reset. Else one of these failures, and nothing is
 * wrong.
 */
export type Expected = 'truth' | 'late' | 'lost' | readonly Failure[];

type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** A row of the fault matrix. */
export interface Row {
  /** Comes before "while …". */
  readonly name: string;
  /** What befalls the matching requests: one of them after the first, or with `lasting` all after the first. */
  readonly fault?: Without<Fault, 'match' | 'times' | 'after'>;
  /** Left out: one request is spoilt. */
  readonly lasting?: true;
  /** Matching requests that come through before it; 1 where left out. */
  readonly after?: number;
  readonly settings?: Partial<Settings>;
  /** The input after which more is asked for is deleted before each such request is answered. */
  readonly deletesLastId?: true;
  /** Nobody listens any more from the first matching request on. */
  readonly stopsListening?: true;
  readonly source?: Pick<SourceOptions, 'retry' | 'limits'>;
  readonly expected: Expected;
  /** Where a stream's way of reading makes another thing of it. */
  readonly unless?: Readonly<Record<string, Expected>>;
  /** Streams of columns that have such a thing at all; left out: all. */
  readonly only?: readonly string[];
}

const partial = (error: string): Failure => ({outcome: 'partial', exit: 5, error: `SYNC_SOURCE_${error}`});
const throttled = (error: string): readonly Failure[] => [
  {outcome: 'throttled', exit: 75, error: `SYNC_SOURCE_${error}`},
];
const UNAVAILABLE = [partial('UNAVAILABLE')];
const REFUSED = [partial('REFUSED')];
const NOT_OFFERED = [partial('NOT_OFFERED')];
/** A search that is refused is no loss: the list has the same. */
const NO_SEARCH = {annotations: 'truth'} as const;

/** What is fixed is not read again by itself. */
const READ_ONCE = {dataset_version_metrics_groups: 'lost'} as const;

/** Impatient: a request that hangs is given up soon. */
const HASTY = {limits: {headersMs: 250}};

/** Failures that pass by themselves: what was asked for is asked for again. */
const PASSING: readonly Row[] = [
  {name: 'throttling that names no pause', fault: {kind: 'throttle'}, expected: 'truth'},
  {name: 'throttling that names a pause', fault: {kind: 'throttle', retryAfterSeconds: 0}, expected: 'truth'},
  {name: 'a 500 with a code', fault: {kind: 'status', http: 500, code: 98004}, expected: 'truth'},
  {name: 'an HTML 502', fault: {kind: 'http-error', http: 502}, expected: 'truth'},
  {name: 'an HTML 503', fault: {kind: 'http-error', http: 503}, expected: 'truth'},
  {name: 'an HTML 504', fault: {kind: 'http-error', http: 504}, expected: 'truth'},
  {name: "the gateway's own 503", fault: {kind: 'gateway-error', http: 503, grpcCode: 14}, expected: 'truth'},
  {name: 'a failure inside a 200', fault: {kind: 'error-inside-200', code: 10030}, expected: 'truth'},
  {name: 'an HTML page that calls itself good', fault: {kind: 'html-200'}, expected: 'truth'},
  {name: 'a connection that is reset', fault: {kind: 'reset'}, expected: 'truth'},
  {name: 'a body that is cut off', fault: {kind: 'truncate'}, expected: 'truth'},
  {name: 'a body that is cut off and looks whole', fault: {kind: 'truncate', clean: true}, expected: 'truth'},
  {name: 'a request that hangs', fault: {kind: 'hang'}, source: HASTY, expected: 'truth'},
  {
    name: 'a body that stops in its middle',
    fault: {kind: 'slow-body', pieceMs: 2_000, pieces: 2},
    source: {limits: {bodyMs: 200}},
    expected: 'truth',
  },
  {
    name: 'a body that takes longer than an exchange may',
    fault: {kind: 'slow-body', pieceMs: 100, pieces: 20},
    source: {limits: {totalMs: 300}},
    expected: 'truth',
  },
];

/** Oddities that are no failures. */
const ODD: readonly Row[] = [
  {name: 'slow bodies', fault: {kind: 'slow-body', pieceMs: 3, pieces: 3}, lasting: true, expected: 'truth'},
  {
    name: 'a wrong content type',
    fault: {kind: 'wrong-content-type', contentType: 'text/html'},
    lasting: true,
    expected: 'truth',
  },
  {name: 'a huge body', fault: {kind: 'huge-body', bytes: 3_000_000}, expected: 'truth'},
  {name: 'records that come twice', fault: {kind: 'duplicate-records'}, lasting: true, after: 0, expected: 'truth'},
  {name: 'records in another order', fault: {kind: 'reorder'}, lasting: true, after: 0, expected: 'truth'},
  {name: 'pages smaller than asked for', fault: {kind: 'smaller-pages', limit: 3}, lasting: true, expected: 'truth'},
  {
    name: 'a limit on the size of answers',
    fault: {kind: 'page-size-limit', limit: 1},
    lasting: true,
    expected: 'truth',
  },
  {name: 'a redirect on the same host', fault: {kind: 'redirect', location: '{path}&moved=1'}, expected: 'truth'},
  {name: 'a page that lacks a record', fault: {kind: 'shift'}, expected: 'late', unless: READ_ONCE},
  {name: 'an empty page in the middle', fault: {kind: 'empty-page'}, expected: 'late', unless: READ_ONCE},
  {
    name: 'a search cap of five records',
    settings: {pagingCap: 5},
    only: ['annotations'],
    expected: 'truth',
  },
  ...(['error', 'empty', 'continue', 'jump', 'restart'] as const).map((lastIdDeleted): Row => ({
    name: `the deletion of what is to be gone on from (${lastIdDeleted})`,
    settings: {lastIdDeleted},
    deletesLastId: true,
    only: ['inputs'],
    expected: lastIdDeleted === 'jump' ? 'late' : 'truth',
  })),
];

/** Failures that last: the stream, or the run, ends with the right name for it. */
const LASTING: readonly Omit<Row, 'lasting'>[] = [
  {name: 'throttling without end', fault: {kind: 'throttle'}, expected: throttled('THROTTLED')},
  {
    name: 'throttling that names an hour',
    fault: {kind: 'throttle', retryAfterSeconds: 3600},
    expected: throttled('THROTTLED'),
  },
  {name: 'a 500 without end', fault: {kind: 'status', http: 500, code: 98004}, expected: UNAVAILABLE},
  {name: 'HTML 503s without end', fault: {kind: 'http-error', http: 503}, expected: UNAVAILABLE},
  {name: 'HTML 504s without end', fault: {kind: 'http-error', http: 504}, expected: UNAVAILABLE},
  {
    name: "the gateway's own 503 without end",
    fault: {kind: 'gateway-error', http: 503, grpcCode: 14},
    expected: UNAVAILABLE,
  },
  {
    name: 'a failure inside every 200',
    fault: {kind: 'error-inside-200', code: 10020},
    expected: REFUSED,
    unless: NO_SEARCH,
  },
  {name: 'HTML pages that call themselves good', fault: {kind: 'html-200'}, expected: UNAVAILABLE},
  {name: 'connections that are reset', fault: {kind: 'reset'}, expected: UNAVAILABLE},
  {name: 'bodies that are cut off', fault: {kind: 'truncate'}, expected: UNAVAILABLE},
  {name: 'bodies cut off that look whole', fault: {kind: 'truncate', clean: true}, expected: UNAVAILABLE},
  {name: 'requests that hang', fault: {kind: 'hang'}, source: HASTY, expected: UNAVAILABLE},
  {
    name: 'bodies beyond what is taken',
    fault: {kind: 'huge-body', bytes: 300_000},
    source: {limits: {maxAnswerBytes: 200_000}},
    expected: [partial('PAGE_TOO_LARGE')],
  },
  {name: 'answers too large at any size', fault: {kind: 'too-large'}, expected: [partial('PAGE_TOO_LARGE')]},
  {name: 'a 404 without a reason', fault: {kind: 'bare-404'}, expected: UNAVAILABLE},
  {
    name: "the gateway's 404",
    fault: {kind: 'gateway-error', http: 404, grpcCode: 5},
    expected: NOT_OFFERED,
    unless: NO_SEARCH,
  },
  ...([10040, 11103, 40036] as const).map((code): Row => ({
    name: `code ${code}`,
    fault: {kind: 'not-offered', code},
    after: 0,
    expected: NOT_OFFERED,
    unless: NO_SEARCH,
  })),
  {
    name: 'a scope that is missing (11007)',
    fault: {kind: 'scope'},
    after: 0,
    expected: [partial('SCOPE')],
    unless: NO_SEARCH,
  },
  {
    name: 'a code that nobody knows',
    fault: {kind: 'status', http: 400, code: 12345},
    expected: REFUSED,
    unless: NO_SEARCH,
  },
  {
    name: 'a paging cap',
    fault: {kind: 'status', http: 400, code: 40002, details: 'page * perPage cannot exceed 5'},
    expected: [partial('PAGING_CAP')],
    unless: NO_SEARCH,
  },
  {
    name: 'a credential that is revoked',
    fault: {kind: 'revoke'},
    expected: [{outcome: 'failed', exit: 3, error: 'SYNC_SOURCE_CREDENTIAL'}],
  },
  ...([11003, 11004, 11006] as const).map((code): Row => ({
    name: `quota used up (${code})`,
    fault: {kind: 'quota', code},
    expected: throttled('QUOTA'),
  })),
  {
    name: 'a host that nobody listens on any more',
    stopsListening: true,
    expected: [partial('UNAVAILABLE'), {outcome: 'failed', exit: 75, error: 'SYNC_SOURCE_UNAVAILABLE'}],
  },
];

export const ROWS: readonly Row[] = [...PASSING, ...ODD, ...LASTING.map((row): Row => ({...row, lasting: true}))];
