import type {Answer} from './answer.ts';
import {failure} from './answer.ts';
import type {Fault} from './faults.ts';

const QUOTA_TEXTS = {
  11003: 'Hourly limit exceeded',
  11004: 'Monthly limit exceeded',
  11006: 'Operation exceeds limits',
};

/** The answer of a throttled request. */
export function throttled(limit: number): Answer {
  return failure(429, 11005, 'Making too many requests', `exceeded limit of ${limit} requests per second`);
}

/** The refusal that a fault is, or null when the fault is of another sort: about the wire, or about a page's records. */
export function faultAnswer(fault: Fault): Answer | null {
  switch (fault.kind) {
    case 'throttle':
      return throttled(15);
    case 'status':
      return failure(fault.http, fault.code, fault.description ?? 'Failure', fault.details);
    case 'error-inside-200':
      return failure(200, fault.code, 'Failure');
    case 'quota':
      return failure(429, fault.code, QUOTA_TEXTS[fault.code]);
    case 'not-offered':
      return failure(404, fault.code ?? 10040, 'Not implemented');
    case 'scope':
      return failure(403, 11007, 'Insufficient scopes', 'the key lacks a scope that this endpoint requires');
    case 'redirect':
      return failure(307, 10050, 'Resource moved');
    case 'page-size-limit':
    case 'too-large':
      return failure(500, 40033, 'RPC message size exceeded', 'response is larger than the maximum');
    default:
      return null;
  }
}

/** The answer with a page's records as the fault leaves them. */
export function alterPage(answer: Answer, fault: Fault | null): Answer {
  if (fault === null || answer.kind !== 'page') return answer;
  const {records} = answer;
  switch (fault.kind) {
    case 'empty-page':
      return {...answer, records: [], mixed: false};
    case 'duplicate-records':
      return {...answer, records: records.flatMap((record) => [record, record])};
    case 'reorder':
      return {...answer, records: [...records].reverse()};
    case 'shift':
      return {...answer, records: records.slice(1)};
    default:
      return answer;
  }
}
