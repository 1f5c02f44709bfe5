/**
 * What an answer means for the call. `ok_if_records`: the records in it count, without any it is refused.
 * `timeout`: retried, and a sign that the page is too large where it could be smaller.
 */
export type ApiClass =
  | 'ok'
  | 'ok_if_records'
  | 'retry'
  | 'throttled'
  | 'timeout'
  | 'page_too_large'
  | 'quota'
  | 'credential'
  | 'scope'
  | 'gone'
  | 'not_offered'
  | 'paging_cap'
  | 'moved'
  | 'end';

/** One answer as far as it decides. */
export interface AnswerFacts {
  readonly httpStatus: number;
  /** `status.code`, as number, digits or name; null when there is none. */
  readonly code: number | string | null;
  readonly description: string | null;
  readonly details: string | null;
  /** `status`: Clarifai's envelope; `gateway`: `{code, message}` of the gateway before it; `none`: no such JSON at all. */
  readonly body: 'status' | 'gateway' | 'none';
}

/**
 * Every code of a call that we know. Names and numbers: status_code.proto of clarifai-nodejs-grpc 11.11.0; classes:
 * clarifai-api.md, section 5.1. Codes of records (30002, 24151, …) do not belong here.
 */
export const API_CODES: Readonly<Record<number, readonly [name: string, is: ApiClass]>> = {
  10000: ['SUCCESS', 'ok'],
  10010: ['MIXED_STATUS', 'ok'], // HTTP 207: the page is complete, some records on it have failed
  10020: ['FAILURE', 'ok_if_records'],
  10030: ['TRY_AGAIN', 'retry'],
  10040: ['NOT_IMPLEMENTED', 'not_offered'],
  10050: ['MOVED', 'moved'],
  10070: ['ACCEPTED', 'ok'],
  11000: ['CONN_ACCOUNT_ISSUES', 'quota'],
  11001: ['CONN_TOKEN_INVALID', 'credential'],
  11002: ['CONN_CREDENTIALS_INVALID', 'credential'],
  11003: ['CONN_EXCEED_HOURLY_LIMIT', 'quota'],
  11004: ['CONN_EXCEED_MONTHLY_LIMIT', 'quota'],
  11005: ['CONN_THROTTLED', 'throttled'],
  11006: ['CONN_EXCEEDS_LIMITS', 'quota'],
  11007: ['CONN_INSUFFICIENT_SCOPES', 'scope'],
  11008: ['CONN_KEY_INVALID', 'credential'],
  11009: ['CONN_KEY_NOT_FOUND', 'credential'],
  11100: ['CONN_BAD_REQUEST_FORMAT', 'end'],
  11101: ['CONN_DOES_NOT_EXIST', 'gone'],
  11102: ['CONN_INVALID_REQUEST', 'end'],
  11103: ['CONN_METHOD_NOT_ALLOWED', 'not_offered'],
  11104: ['CONN_NO_GDPR_CONSENT', 'end'],
  11105: ['CONN_INVALID_RANGE', 'end'],
  11200: ['CONN_AUTH_METHOD_DISABLED', 'scope'],
  21200: ['MODEL_DOES_NOT_EXIST', 'gone'],
  21201: ['MODEL_PERMISSION_DENIED', 'scope'],
  21354: ['MODEL_BUSY_PLEASE_RETRY', 'retry'],
  22102: ['WORKFLOW_DOES_NOT_EXIST', 'gone'],
  22103: ['WORKFLOW_PERMISSION_DENIED', 'scope'],
  25300: ['MODULE_DOES_NOT_EXIST', 'gone'],
  25600: ['RUNNER_DOES_NOT_EXIST', 'gone'],
  25700: ['NODEPOOL_DOES_NOT_EXIST', 'gone'],
  25800: ['COMPUTE_CLUSTER_DOES_NOT_EXIST', 'gone'],
  25900: ['DEPLOYMENT_DOES_NOT_EXIST', 'gone'],
  30102: ['INPUT_DOES_NOT_EXIST', 'gone'],
  30103: ['INPUT_PERMISSION_DENIED', 'scope'],
  39996: ['INPUT_CONNECTION_FAILED', 'retry'],
  39997: ['REQUEST_DISABLED_FOR_MAINTENANCE', 'quota'],
  39998: ['INPUT_WRITES_DISABLED_FOR_MAINTENANCE', 'quota'],
  39999: ['INPUT_INVALID_REQUEST', 'end'],
  40001: ['PREDICT_INVALID_REQUEST', 'end'],
  40002: ['SEARCH_INVALID_REQUEST', 'end'],
  40003: ['CONCEPTS_INVALID_REQUEST', 'end'],
  40004: ['STATS_INVALID_REQUEST', 'end'],
  40010: ['DATABASE_DUPLICATE_KEY', 'end'],
  40011: ['DATABASE_STATEMENT_TIMEOUT', 'retry'],
  40012: ['DATABASE_INVALID_ROWS_AFFECTED', 'end'],
  40013: ['DATABASE_DEADLOCK_DETECTED', 'retry'],
  40014: ['DATABASE_FAIL_TASK', 'retry'],
  40015: ['DATABASE_FAIL_TO_GET_CONNECTIONS', 'retry'],
  40016: ['DATABASE_TOO_MANY_CLIENTS', 'retry'],
  40017: ['DATABASE_CONSTRAINT_VIOLATED', 'end'],
  40021: ['DATABASE_CANCELED', 'retry'],
  40030: ['RPC_REQUEST_QUEUE_FULL', 'retry'],
  40031: ['RPC_SERVER_UNAVAILABLE', 'retry'],
  40032: ['RPC_REQUEST_TIMEOUT', 'timeout'],
  40033: ['RPC_MAX_MESSAGE_SIZE_EXCEEDED', 'page_too_large'],
  40034: ['EXTERNAL_CONNECTION_ERROR', 'retry'],
  40035: ['RPC_CANCELED', 'retry'],
  40036: ['RPC_UNKNOWN_METHOD', 'not_offered'],
  40037: ['REQUEST_CANCELED_BY_USER', 'end'],
  43001: ['SEARCH_INTERNAL_FAILURE', 'retry'],
  43002: ['SEARCH_PROJECTION_FAILURE', 'retry'],
  43003: ['SEARCH_PREDICTION_FAILURE', 'retry'],
  43006: ['SEARCH_COUNTS_UNAVAILABLE', 'retry'],
  63000: ['MAINTENANCE_SUCCESS', 'quota'],
  63001: ['MAINTENANCE_FAILED', 'quota'],
  99001: ['CONN_UNCATEGORIZED', 'retry'],
  99002: ['MODEL_UNCATEGORIZED', 'retry'],
  99003: ['INPUT_UNCATEGORIZED', 'retry'],
  99004: ['ANNOTATION_UNCATEGORIZED', 'retry'],
  99005: ['BILLING_UNCATEGORIZED', 'retry'],
  99009: ['INTERNAL_UNCATEGORIZED', 'retry'],
};

/** Whole ranges that mean trouble on the server's side: message queue, SQS, redis, internal. */
const RETRY_RANGES = [
  {from: 41000, to: 41099, prefix: 'QUEUE_'},
  {from: 41100, to: 41199, prefix: 'SQS_'},
  {from: 45000, to: 45099, prefix: 'REDIS_'},
  {from: 98000, to: 98099, prefix: 'INTERNAL_'},
] as const;

const NUMBER_OF_NAME: ReadonlyMap<string, number> = new Map(
  Object.entries(API_CODES).map(([number, [name]]) => [name, Number(number)]),
);

/** The code as a number, also when it came as digits or by its name; null when it is absent or not in the table. */
export function codeNumber(code: number | string | null): number | null {
  if (code === null || typeof code === 'number') return code;
  return /^\d+$/.test(code) ? Number(code) : (NUMBER_OF_NAME.get(code) ?? null);
}

/** What an answer means. By Clarifai's code first; by the HTTP status where there is no code that we know. */
export function classify(facts: AnswerFacts): ApiClass {
  if (isPagingCap(facts.details) || isPagingCap(facts.description)) return 'paging_cap';
  if (facts.body === 'none') return classOfNoAnswer(facts.httpStatus);
  // The gateway's code is a gRPC one; it says nothing that its HTTP status does not.
  if (facts.body === 'gateway') return classOfGateway(facts.httpStatus);
  const known = classOfCode(facts.code);
  if (known === null) return classOfUnknownCode(facts);
  // A good code under a bad HTTP status: something on the way disagrees, and data are only what both call good.
  if (known === 'ok' && facts.httpStatus >= 400) return classOfUnknownCode(facts);
  return known;
}

/** Clients of Clarifai know the cap by this text alone; the code it comes with is not stated anywhere. */
const isPagingCap = (text: string | null) => text !== null && /page\s*\*\s*per_?\s*page\s+cannot\s+exceed/i.test(text);

function classOfCode(code: number | string | null): ApiClass | null {
  const number = codeNumber(code);
  if (number !== null) {
    const known = API_CODES[number];
    if (known !== undefined) return known[1];
    return RETRY_RANGES.some(({from, to}) => from <= number && number <= to) ? 'retry' : null;
  }
  return typeof code === 'string' && RETRY_RANGES.some(({prefix}) => code.startsWith(prefix)) ? 'retry' : null;
}

/** Classes that the HTTP status alone carries, whoever answered. */
function classOfHttp(httpStatus: number): ApiClass | null {
  if (httpStatus === 401) return 'credential';
  if (httpStatus === 408 || httpStatus === 504) return 'timeout';
  if (httpStatus === 429) return 'throttled';
  return httpStatus >= 500 ? 'retry' : null;
}

/** A 404 with a code we do not know is neither proof of a deletion nor of a missing resource: refused. */
function classOfUnknownCode({httpStatus, code}: AnswerFacts): ApiClass {
  const byHttp = classOfHttp(httpStatus);
  if (byHttp !== null) return byHttp;
  if (httpStatus === 403) return 'scope';
  // `status` without a code under HTTP 2xx says nothing at all; the next try may.
  return httpStatus < 300 && (code === null || code === 0) ? 'retry' : 'end';
}

function classOfGateway(httpStatus: number): ApiClass {
  const byHttp = classOfHttp(httpStatus);
  if (byHttp !== null) return byHttp;
  if (httpStatus === 403) return 'scope';
  if (httpStatus === 404 || httpStatus === 405 || httpStatus === 410) return 'not_offered';
  return httpStatus < 400 ? 'retry' : 'end';
}

/** HTML, a cut body, an empty one: some proxy spoke, or nobody. A later try may reach the API. */
function classOfNoAnswer(httpStatus: number): ApiClass {
  if (httpStatus === 307 || httpStatus === 308) return 'moved';
  // Too large a body, path or header will be so next time too.
  if (httpStatus === 413 || httpStatus === 414 || httpStatus === 431) return 'end';
  return classOfHttp(httpStatus) ?? 'retry';
}
