import {once} from 'node:events';
import {createServer, request, type IncomingMessage, type ServerResponse} from 'node:http';
import {buffer} from 'node:stream/consumers';
import {setTimeout as sleep} from 'node:timers/promises';

/** What the proxy does to a call instead of handing it on. */
export type S3Fault =
  /** The server does it, and its answer is lost. */
  | {readonly kind: 'lose answer'}
  /** The server does it, and something else is answered. */
  | {readonly kind: 'answer after'; readonly status: number; readonly code: string}
  /** The server never hears of it. */
  | {readonly kind: 'answer'; readonly status: number; readonly code: string; readonly headers?: Record<string, string>}
  /** The server does it, and the answer waits until `release` is called; `onHeld` is called when it has come. */
  | {readonly kind: 'hold answer'; readonly onHeld: () => void; readonly release: Promise<void>}
  /** It is done that much later. */
  | {readonly kind: 'slow'; readonly ms: number}
  /** The connection breaks after some bytes of the request's body. */
  | {readonly kind: 'cut body'}
  /** It waits until `release` is called; `onHeld` is called when it has come. */
  | {readonly kind: 'hold'; readonly onHeld: () => void; readonly release: Promise<void>};

/** A way to an S3 server that fails as it is told. */
export interface S3Proxy extends AsyncDisposable {
  readonly endpoint: string;
  /** The next `times` calls that match fail; `line` is `METHOD /bucket/key?query`. */
  fail(line: RegExp, fault: S3Fault, times?: number): void;
  /** Nothing fails any more. */
  heal(): void;
  /** Lines of all calls so far, in order. */
  readonly calls: readonly string[];
  /** Their headers, and the method. */
  readonly headers: readonly Readonly<Record<string, unknown>>[];
}

/** Starts a proxy on a free port of loopback. Signatures stay good: host and path are handed on as they came. */
export async function startS3Proxy(upstream: string): Promise<S3Proxy> {
  const faults: {line: RegExp; fault: S3Fault; times: number}[] = [];
  const calls: string[] = [];
  const headers: Record<string, unknown>[] = [];
  const server = createServer((req, res) => {
    const line = `${req.method} ${req.url}`;
    calls.push(line);
    headers.push({...req.headers, method: req.method});
    const found = faults.find((each) => each.times > 0 && each.line.test(line));
    if (found !== undefined) found.times--;
    // A client that has gone is no failure of the proxy's.
    pass(upstream, req, res, found?.fault).catch(() => res.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    fail: (line, fault, times = 1) => void faults.push({line, fault, times}),
    heal: () => void faults.splice(0),
    calls,
    headers,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function pass(upstream: string, req: IncomingMessage, res: ServerResponse, fault?: S3Fault): Promise<void> {
  if (fault?.kind === 'cut body') {
    await once(req, 'data');
    return void req.socket.destroy();
  }
  const body = await buffer(req);
  if (fault?.kind === 'answer') return void answer(res, fault);
  if (fault?.kind === 'hold') {
    fault.onHeld();
    await fault.release;
  }
  if (fault?.kind === 'slow') await sleep(fault.ms);
  const {answered, bytes} = await forward(upstream, req, body);
  if (fault?.kind === 'lose answer') return void req.socket.destroy();
  if (fault?.kind === 'hold answer') {
    fault.onHeld();
    await fault.release;
  }
  if (fault?.kind === 'answer after') return void answer(res, fault);
  res.writeHead(answered.statusCode ?? 502, answered.headers).end(bytes);
}

async function forward(
  upstream: string,
  {method, url, headers}: IncomingMessage,
  body: Buffer,
): Promise<{answered: IncomingMessage; bytes: Buffer}> {
  const {hostname, port} = new URL(upstream);
  const out = request({hostname, port, method, path: url, headers: {...headers, connection: 'close'}});
  // A server may answer before it has read all, and hang up.
  out.on('error', () => undefined);
  out.end(body);
  const [answered] = (await once(out, 'response')) as [IncomingMessage];
  return {answered, bytes: await buffer(answered)};
}

function answer(
  res: ServerResponse,
  {status, code, ...rest}: {status: number; code: string; headers?: Record<string, string>},
): void {
  const xml = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>as the test wants it</Message></Error>`;
  res.writeHead(status, {'content-type': 'application/xml', ...rest.headers}).end(xml);
}
