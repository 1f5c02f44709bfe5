import {createHmac} from 'node:crypto';
import {once} from 'node:events';
import {createServer, type IncomingHttpHeaders, type ServerResponse} from 'node:http';

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly message: {
    readonly id: string;
    readonly event: string;
    readonly user_id: string;
    readonly app_id: string;
    readonly run: {readonly run_id: string; readonly outcome: string; readonly streams: readonly unknown[]} | null;
    readonly error?: {readonly code: string};
  };
}

/** A webhook's receiver, over real HTTP. */
export interface Receiver extends AsyncDisposable {
  readonly url: string;
  readonly received: Received[];
  /** How it answers from now on. */
  answer: (response: ServerResponse) => void;
  events(): string[];
}

export async function receiver(): Promise<Receiver> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      const message = JSON.parse(body) as Received['message'];
      received.push({path: request.url ?? '', headers: request.headers, body, message});
      self.answer(response);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const self: Receiver = {
    url: `http://127.0.0.1:${(server.address() as {port: number}).port}/hook`,
    received,
    answer: (response) => void response.writeHead(204).end(),
    events: () => received.map(({message}) => message.event),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return self;
}

/** Whether the signature is what this secret gives, worked out by itself. */
export function isSigned({headers, body}: Received, secret: string): boolean {
  const timestamp = String(headers['x-clarifai-sync-timestamp']);
  const expected = createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');
  return headers['x-clarifai-sync-signature'] === `v1=${expected}`;
}
