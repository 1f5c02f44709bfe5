/** What is known of a failed call, taken from whatever the S3 client threw; never from the text of its message. */
export interface S3Failure {
  /** The store's own word, such as `NoSuchBucket`; else the error's name. */
  readonly storeCode: string;
  /** null when there was no answer. */
  readonly httpStatus: number | null;
  /** Of the system, such as `ECONNREFUSED`; null when the network is not to blame. */
  readonly systemCode: string | null;
  /** Where the bucket is, when the store said that we asked in the wrong place. */
  readonly region: string | null;
  readonly message: string;
}

/** Reads what the S3 client threw; null for what did not come of a call: a defect of ours, say. */
export function readFailure(error: unknown): S3Failure | null {
  if (!(error instanceof Error)) return null;
  const metadata = member(error, '$metadata');
  const systemCode = text(member(error, 'code'));
  if (metadata === undefined && systemCode === null && !WITHOUT_METADATA.has(error.name)) return null;
  const status = member(metadata, 'httpStatusCode') ?? member(member(error, '$response'), 'statusCode');
  const headers = member(member(error, '$response'), 'headers');
  return {
    storeCode: error.name === 'Error' ? (systemCode ?? error.name) : error.name,
    httpStatus: typeof status === 'number' ? status : null,
    systemCode: systemCode === error.name ? null : systemCode,
    region: text(member(headers, 'x-amz-bucket-region')) ?? text(member(error, 'Region')),
    message: error.message === 'UnknownError' || error.message === error.name ? '' : error.message,
  };
}

const WITHOUT_METADATA = new Set(['AbortError', 'TimeoutError', 'CredentialsProviderError']);

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}

const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);
