import {createServer, type IncomingMessage, type ServerResponse} from 'node:http';
import type {AddressInfo} from 'node:net';
import {openClient, type SourceOptions} from '../../src/source/open-client.ts';
import type {ApiClient} from '../../src/source/client.ts';
import type {RequestReport, RetryReport} from '../../src/source/observer.ts';

export interface Asked {
  readonly method: string;
  /** As it came over the wire. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly atMs: number;
  /** How many were asked before this one. */
  readonly index: number;
}

export interface Reply {
  readonly http?: number;
  readonly headers?: Record<string, string>;
  /** An object is sent as JSON; bytes and text as they are. */
  readonly body?: object | string | Buffer;
}

type Script = (asked: Asked, response: ServerResponse) => Reply | null | Promise<Reply | null>;

export const OK = {code: 10000, description: 'Ok', req_id: 'req-1'};

/** A real HTTP server that answers as scripted; null: the script has dealt with the response itself. */
export async function startApi(script: Script) {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const atMs = performance.now();
      const chunks: Buffer[] = [];
      const index = asked.length;
      const [path = '', query = ''] = (request.url ?? '').split('?');
      const entry = {
        method: request.method ?? '',
        path,
        query: new URLSearchParams(query),
        headers: request.headers,
        atMs,
        index,
      };
      const slot = asked.push({...entry, body: ''}) - 1;
      for await (const chunk of request) chunks.push(chunk as Buffer);
      asked[slot] = {...entry, body: Buffer.concat(chunks).toString()};
      const reply = await script(asked[slot], response);
      if (reply === null) return;
      const {http = 200, headers = {}, body = {status: OK}} = reply;
      const bytes = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
      response.writeHead(http, {'content-type': 'application/json', ...headers}).end(bytes);
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const clients: ApiClient[] = [];
  const reports: RequestReport[] = [];
  const retries: RetryReport[] = [];
  return {
    asked,
    baseUrl,
    reports,
    retries,
    /** A client without a rate limit and with pauses of no length, unless said otherwise. */
    client(options: Partial<SourceOptions> = {}): ApiClient {
      const client = openClient({
        baseUrl,
        pat: 'secret-pat',
        requestsPerSecond: 0,
        headroom: 0.07,
        maxConcurrency: 8,
        observer: {requested: (report) => reports.push(report), retrying: (report) => retries.push(report)},
        ...options,
        retry: {baseMs: 0, throttledMs: 1, ...options.retry},
      });
      clients.push(client);
      return client;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(clients.map((client) => client.close()));
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A list of `count` records `{"id": "0"}`, `{"id": "1"}`, … in pages as the API gives them. */
export function numberedList(
  field: string,
  count: number,
  idOf: (i: number) => object = (i) => ({id: String(i)}),
): Script {
  return ({query, body}) => {
    const pagination =
      body === '' ? null : (JSON.parse(body) as {pagination: {page: number; per_page: number}}).pagination;
    const page = pagination?.page ?? Number(query.get('page'));
    const perPage = pagination?.per_page ?? Number(query.get('per_page'));
    const from = (page - 1) * perPage;
    const length = Math.max(0, Math.min(perPage, count - from));
    return {body: {status: OK, [field]: Array.from({length}, (_, i) => idOf(from + i))}};
  };
}

/** Ids of the records of a page. */
export function idsOf({bytes, spans}: {bytes: Buffer; spans: Int32Array}): string[] {
  const ids: string[] = [];
  for (let i = 0; i < spans.length; i += 2) {
    ids.push((JSON.parse(bytes.toString('utf8', spans[i], spans[i + 1])) as {id: string}).id);
  }
  return ids;
}
