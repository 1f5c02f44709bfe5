import type {RecordText} from './record.ts';

/** What the API answers, before it is written out. */
export type Answer = PageAnswer | ObjectAnswer | FailureAnswer;

/** One page of a list. */
export interface PageAnswer {
  readonly kind: 'page';
  readonly field: string;
  readonly records: readonly RecordText[];
  /** Does a record of the page say that it failed? HTTP 207 and code 10010 then. */
  readonly mixed: boolean;
  /** Is the array left out when there is nothing in it? */
  readonly omitEmpty: boolean;
  /** Members that go before the array, as JSON text that ends in a comma; mostly ''. */
  readonly lead: string;
}

/** A single object: members of the answer beside `status`, as JSON text. */
export interface ObjectAnswer {
  readonly kind: 'object';
  readonly members: readonly RecordText[];
}

/** A refusal in Clarifai's envelope. */
export interface FailureAnswer {
  readonly kind: 'failure';
  readonly http: number;
  readonly code: number;
  readonly description: string;
  readonly details: string;
}

/** A page of records under a field. */
export function page(
  field: string,
  records: readonly RecordText[],
  options: {mixed?: boolean; omitEmpty?: boolean; lead?: string} = {},
): PageAnswer {
  const {mixed = false, omitEmpty = false, lead = ''} = options;
  return {kind: 'page', field, records, mixed, omitEmpty, lead};
}

/** One record under a field. */
export function single(field: string, record: RecordText): ObjectAnswer {
  return {kind: 'object', members: [`"${field}":`, record]};
}

/** A refusal. */
export function failure(http: number, code: number, description: string, details = ''): FailureAnswer {
  return {kind: 'failure', http, code, description, details};
}

/** What was asked for by its id is not there. */
export function gone(what: string): FailureAnswer {
  return failure(404, 11101, 'Resource does not exist', `${what} does not exist`);
}

/** There is no such thing in this API. */
export function notOffered(path: string): FailureAnswer {
  return failure(404, 10040, 'Not implemented', `no such endpoint: ${path}`);
}

/** The request makes no sense. */
export function invalid(details: string): FailureAnswer {
  return failure(400, 11102, 'Invalid request', details);
}

/** HTTP status and body of an answer, with the id of the request in its envelope. */
export function encodeAnswer(answer: Answer, reqId: string): {http: number; body: Buffer} {
  switch (answer.kind) {
    case 'failure': {
      const status = {
        code: answer.code,
        description: answer.description,
        ...(answer.details === '' ? {} : {details: answer.details}),
        req_id: reqId,
      };
      return {http: answer.http, body: Buffer.from(JSON.stringify({status}))};
    }
    case 'object': {
      const comma = answer.members.length === 0 ? '' : ',';
      return {http: 200, body: concat([`{${envelope(false, reqId)}${comma}`, ...answer.members, '}'])};
    }
    case 'page': {
      const http = answer.mixed ? 207 : 200;
      const start = `{${envelope(answer.mixed, reqId)}`;
      if (answer.records.length === 0 && answer.omitEmpty) {
        return {http, body: Buffer.from(`${start}${answer.lead === '' ? '' : `,${answer.lead.slice(0, -1)}`}}`)};
      }
      const parts: RecordText[] = [`${start},${answer.lead}"${answer.field}":[`];
      for (const [i, record] of answer.records.entries()) {
        if (i > 0) parts.push(',');
        parts.push(record);
      }
      parts.push(']}');
      return {http, body: concat(parts)};
    }
  }
}

function envelope(mixed: boolean, reqId: string): string {
  const status = mixed ? '"code":10010,"description":"Mixed Success"' : '"code":10000,"description":"Ok"';
  return `"status":{${status},"req_id":${JSON.stringify(reqId)}}`;
}

function concat(parts: readonly RecordText[]): Buffer {
  if (parts.every((part) => typeof part === 'string')) return Buffer.from(parts.join(''));
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
}
