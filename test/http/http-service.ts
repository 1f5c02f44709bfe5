import {request, type IncomingHttpHeaders} from 'node:http';
import {startHttp, type HttpParts} from '../../src/http/server.ts';
import type {Store} from '../../src/store/ledger.ts';
import {Metrics} from '../../src/telemetry/metrics.ts';
import {createLogger} from '../../src/telemetry/logger.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly json: unknown;
}

/** The HTTP side of the service on a free port. */
export interface TestHttp extends AsyncDisposable {
  readonly url: string;
  /** What was logged. */
  readonly log: () => string;
  /** Asks as any program would, with any header, Host included. */
  ask(path: string, options?: {method?: string; headers?: Record<string, string>; body?: string}): Promise<Answer>;
}

/** Starts it with parts that say all is well, but for what is given. */
export async function httpOn(store: Pick<Store, 'database'>, parts: Partial<HttpParts> = {}): Promise<TestHttp> {
  let said = '';
  const server = await startHttp({
    config: {host: '127.0.0.1', port: 0, token: null},
    store,
    health: {stuck: () => null, unready: () => Promise.resolve([])},
    askForRun: () => Promise.resolve('active'),
    nextRuns: () => Promise.resolve([]),
    requestsPerSecond: 15,
    metrics: new Metrics(),
    queueDepths: () => Promise.resolve([]),
    log: createLogger({level: 'debug', format: 'json', write: (line) => void (said += line)}).log,
    now: Date.now,
    ...parts,
  });
  return {
    url: server.url,
    log: () => said,
    ask: (path, options = {}) => ask(`${server.url}${path}`, options),
    [Symbol.asyncDispose]: () => server.close(),
  };
}

function ask(url: string, {method = 'GET', headers = {}, body}: NonNullable<Parameters<TestHttp['ask']>[1]>) {
  return new Promise<Answer>((resolve, reject) => {
    const asked = request(url, {method, headers, agent: false}, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      answer.on('end', () => {
        const isJson = answer.headers['content-type']?.includes('json') === true;
        const json: unknown = isJson ? JSON.parse(text) : undefined;
        resolve({status: answer.statusCode ?? 0, headers: answer.headers, text, json});
      });
    });
    asked.on('error', reject);
    asked.end(body);
  });
}
