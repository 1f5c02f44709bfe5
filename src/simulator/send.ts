import type {IncomingMessage, ServerResponse} from 'node:http';
import {setTimeout as sleep} from 'node:timers/promises';
import {gzipSync} from 'node:zlib';
import type {Fault} from './faults.ts';

/** An answer as it goes over the wire. */
export interface WireAnswer {
  readonly http: number;
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/** Writes an answer out, whole unless the fault is one of the wire. */
export async function send(
  request: IncomingMessage,
  response: ServerResponse,
  answer: WireAnswer,
  options: {gzip: boolean; fault: Fault | null},
): Promise<void> {
  const {fault} = options;
  let {body} = answer;
  const headers: Record<string, string> = {'content-type': 'application/json', ...answer.headers};
  if (fault?.kind === 'wrong-content-type') headers['content-type'] = fault.contentType;
  if (fault?.kind === 'huge-body') body = padded(body, fault.bytes);
  if (fault?.kind === 'truncate' && fault.clean === true) body = body.subarray(0, body.length >> 1);
  if (options.gzip && /\bgzip\b/.test(request.headers['accept-encoding'] ?? '')) {
    body = gzipSync(body, {level: 1});
    headers['content-encoding'] = 'gzip';
  }
  response.writeHead(answer.http, {...headers, 'content-length': body.length});
  if (fault?.kind === 'truncate' && fault.clean !== true) {
    response.write(body.subarray(0, body.length >> 1), () => request.socket.destroy());
  } else if (fault?.kind === 'slow-body') {
    await sendSlowly(response, body, fault);
  } else {
    response.end(body);
  }
}

async function sendSlowly(
  response: ServerResponse,
  body: Buffer,
  {pieceMs, pieces}: {pieceMs: number; pieces: number},
): Promise<void> {
  const size = Math.ceil(body.length / pieces);
  for (let at = 0; at < body.length && !response.destroyed; at += size) {
    response.write(body.subarray(at, at + size));
    await sleep(pieceMs);
  }
  response.end();
}

/** The same JSON with blanks before its last brace. */
function padded(body: Buffer, bytes: number): Buffer {
  return Buffer.concat([body.subarray(0, -1), Buffer.alloc(bytes, ' '), body.subarray(-1)]);
}
