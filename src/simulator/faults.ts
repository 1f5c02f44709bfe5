import {z} from 'zod';

const times = {
  /** Regular expression on `METHOD /path?query`. */
  match: z.string(),
  /** How many matching requests it spoils; left out for all. */
  times: z.number().int().min(1).optional(),
  /** How many matching requests it lets through first. */
  after: z.number().int().min(0).optional(),
};

/** A way in which the API, or the way to it, fails. */
export const faultSchema = z.discriminatedUnion('kind', [
  /** 429 with 11005; `Retry-After` in seconds when given. */
  z.strictObject({...times, kind: z.literal('throttle'), retryAfterSeconds: z.number().min(0).optional()}),
  /** Any Clarifai code with any HTTP status. */
  z.strictObject({
    ...times,
    kind: z.literal('status'),
    code: z.number().int(),
    http: z.number().int().min(200).max(599),
    description: z.string().optional(),
    details: z.string().optional(),
  }),
  /** What a proxy answers: HTML. */
  z.strictObject({...times, kind: z.literal('http-error'), http: z.number().int().min(400).max(599)}),
  /** A page of HTML as if it were the answer: HTTP 200, as of some portal on the way. */
  z.strictObject({...times, kind: z.literal('html-200')}),
  /** A failure code behind HTTP 200. */
  z.strictObject({...times, kind: z.literal('error-inside-200'), code: z.number().int()}),
  /** A google.rpc.Status, without Clarifai's envelope. */
  z.strictObject({
    ...times,
    kind: z.literal('gateway-error'),
    http: z.number().int().min(400).max(599),
    grpcCode: z.number().int(),
  }),
  /** The connection is reset before anything is answered. */
  z.strictObject({...times, kind: z.literal('reset')}),
  /** The body ends in its middle: the connection is cut, or, with `clean`, it ends as if it were whole. */
  z.strictObject({...times, kind: z.literal('truncate'), clean: z.boolean().optional()}),
  /** The body comes in small pieces, so many ms apart. */
  z.strictObject({...times, kind: z.literal('slow-body'), pieceMs: z.number().min(0), pieces: z.number().int().min(1)}),
  /** No answer until the client gives up or the simulator closes. */
  z.strictObject({...times, kind: z.literal('hang')}),
  /** The right body under the wrong name. */
  z.strictObject({...times, kind: z.literal('wrong-content-type'), contentType: z.string()}),
  /** So many bytes of valid JSON more than was asked for. */
  z.strictObject({...times, kind: z.literal('huge-body'), bytes: z.number().int().min(1)}),
  /** A page without records. */
  z.strictObject({...times, kind: z.literal('empty-page')}),
  /** Every record of the page twice. */
  z.strictObject({...times, kind: z.literal('duplicate-records')}),
  /** The page's records in reverse order. */
  z.strictObject({...times, kind: z.literal('reorder')}),
  /** The page lacks its first record, as when one before it was deleted meanwhile. */
  z.strictObject({...times, kind: z.literal('shift')}),
  /** The list is cut into pages of no more than `limit` records, whatever was asked for. */
  z.strictObject({...times, kind: z.literal('smaller-pages'), limit: z.number().int().min(1)}),
  /** 307 with 10050 to this place; `{path}` in it is the path and query asked for. */
  z.strictObject({...times, kind: z.literal('redirect'), location: z.string()}),
  /** Quota used up: 11003 hourly, 11004 monthly, 11006 by this operation. */
  z.strictObject({
    ...times,
    kind: z.literal('quota'),
    code: z.union([z.literal(11003), z.literal(11004), z.literal(11006)]),
  }),
  /** The API has no such resource here. */
  z.strictObject({
    ...times,
    kind: z.literal('not-offered'),
    code: z.union([z.literal(10040), z.literal(11103), z.literal(40036)]).optional(),
  }),
  /** 404 without any body that says why. */
  z.strictObject({...times, kind: z.literal('bare-404')}),
  /** The token lacks a scope: 403 with 11007. */
  z.strictObject({...times, kind: z.literal('scope')}),
  /** The credential is refused from this request on, until the setting `credentialRevoked` is taken back. */
  z.strictObject({...times, kind: z.literal('revoke')}),
  /** 40033 whenever more than `limit` records are asked for. */
  z.strictObject({...times, kind: z.literal('page-size-limit'), limit: z.number().int().min(1)}),
  /** 40033 whatever is asked for. */
  z.strictObject({...times, kind: z.literal('too-large')}),
]);

export type Fault = z.infer<typeof faultSchema>;
export type FaultKind = Fault['kind'];

interface Rule {
  readonly fault: Fault;
  readonly match: RegExp;
  seen: number;
  spoilt: number;
}

/** The rules by which requests fail. The first that matches a request has it. */
export class Faults {
  #rules: Rule[] = [];

  /** Adds a rule behind those that are there. */
  add(fault: Fault): void {
    this.#rules.push({fault, match: new RegExp(fault.match), seen: 0, spoilt: 0});
  }

  clear(): void {
    this.#rules = [];
  }

  /** Every rule with how many requests it has spoilt. */
  list(): {fault: Fault; spoilt: number}[] {
    return this.#rules.map(({fault, spoilt}) => ({fault, spoilt}));
  }

  /** What befalls this request. `perPage` is the number of records that it asks for. */
  take(request: string, perPage: number): Fault | null {
    for (const rule of this.#rules) {
      const {fault} = rule;
      if (!rule.match.test(request) || (fault.kind === 'page-size-limit' && perPage <= fault.limit)) continue;
      if (rule.seen++ < (fault.after ?? 0) || rule.spoilt >= (fault.times ?? Infinity)) continue;
      rule.spoilt++;
      return fault;
    }
    return null;
  }
}
