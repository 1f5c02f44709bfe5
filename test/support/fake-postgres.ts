import {once} from 'node:events';
import {createServer, type Socket} from 'node:net';
import type {AddressInfo} from 'node:net';

/** What the server does with whoever connects: lets it ask for a version, or refuses it. */
export type FakeAnswer =
  | {readonly kind: 'version'; readonly number: string; readonly name: string}
  | {readonly kind: 'refusal'; readonly sqlState: string; readonly message: string};

/** A server that speaks just enough of Postgres' protocol to be asked for its version by one statement. */
export async function fakePostgres(say: FakeAnswer): Promise<AsyncDisposable & {url: string}> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let isStarted = false;
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      if (!isStarted) {
        isStarted = true;
        if (say.kind === 'refusal')
          socket.end(message('E', Buffer.from(`SFATAL\0C${say.sqlState}\0M${say.message}\0\0`)));
        else socket.write(Buffer.concat([message('R', int32(0)), message('Z', Buffer.from('I'))]));
      } else if (bytes[0] === 'Q'.charCodeAt(0) && say.kind === 'version') socket.write(answer(say));
      else socket.end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `postgresql://somebody@127.0.0.1:${(server.address() as AddressInfo).port}/some`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function answer({number, name}: {number: string; name: string}): Buffer {
  const field = (label: string): Buffer =>
    Buffer.concat([Buffer.from(`${label}\0`), int32(0), int16(0), int32(25), int16(-1), int32(-1), int16(0)]);
  const value = (text: string): Buffer => Buffer.concat([int32(text.length), Buffer.from(text)]);
  return Buffer.concat([
    message('T', Buffer.concat([int16(2), field('version'), field('name')])),
    message('D', Buffer.concat([int16(2), value(number), value(name)])),
    message('C', Buffer.from('SELECT 1\0')),
    message('Z', Buffer.from('I')),
  ]);
}

function message(type: string, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}
