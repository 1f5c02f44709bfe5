import {once} from 'node:events';
import {createServer, type AddressInfo, type Socket} from 'node:net';
import {networkInterfaces} from 'node:os';
import {expect, test} from 'vitest';
import {ReadySockets} from '../../src/source/ready-sockets.ts';

const CONNECT_MS = 5_000;
/** Many containers have none. */
const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({address}) => address === '::1'));

/** A server that only accepts. */
async function accepting(address = '127.0.0.1') {
  const arrived: Socket[] = [];
  const server = createServer((socket) => {
    // What comes of it is of no concern here.
    socket.on('error', () => undefined).resume();
    arrived.push(socket);
  });
  await once(server.listen(0, address), 'listening');
  const {port} = server.address() as AddressInfo;
  return {
    origin: `http://${address.includes(':') ? `[${address}]` : address}:${port}`,
    port: String(port),
    arrived,
    [Symbol.asyncDispose]: async () => {
      for (const socket of arrived) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const taken = (sockets: ReadySockets, port: string): Promise<Socket> =>
  new Promise((resolve, reject) => {
    sockets.connector({hostname: '127.0.0.1', host: `127.0.0.1:${port}`, protocol: 'http:', port}, (error, socket) => {
      if (error === null) resolve(socket);
      else reject(error);
    });
  });

test('a connection that is still being made is given to who asks for one', async () => {
  await using server = await accepting();
  const sockets = new ReadySockets(server.origin, CONNECT_MS);
  sockets.make();
  const socket = await taken(sockets, server.port);
  expect([sockets.count, server.arrived.length, socket.destroyed]).toEqual([0, 1, false]);
  socket.destroy();
});

test('a connection that nobody takes is ended after its time', async () => {
  await using server = await accepting();
  const sockets = new ReadySockets(server.origin, CONNECT_MS, 20);
  sockets.make();
  while (server.arrived.length === 0) await new Promise(setImmediate);
  await once(server.arrived[0] as Socket, 'close');
  while (sockets.count > 0) await new Promise(setImmediate);
  (await taken(sockets, server.port)).destroy();
  expect(server.arrived).toHaveLength(2);
});

test('a connection that was taken has no such time', async () => {
  await using server = await accepting();
  const sockets = new ReadySockets(server.origin, CONNECT_MS, 20);
  sockets.make();
  const socket = await taken(sockets, server.port);
  expect([socket.timeout ?? 0, socket.listenerCount('timeout')]).toEqual([0, 0]);
  socket.destroy();
});

test('after closing, one that was being made is refused to who waits for it, and ended', async () => {
  await using server = await accepting();
  const sockets = new ReadySockets(server.origin, CONNECT_MS);
  sockets.make();
  const asked = taken(sockets, server.port);
  sockets.close();
  await expect(asked).rejects.toThrow('closed');
  while (server.arrived.length === 0) await new Promise(setImmediate);
  if (!(server.arrived[0] as Socket).destroyed) await once(server.arrived[0] as Socket, 'close');
  expect(server.arrived).toHaveLength(1);
});

test.skipIf(!hasIpv6)('an address of IPv6 is one too', async () => {
  await using server = await accepting('::1');
  const sockets = new ReadySockets(server.origin, CONNECT_MS);
  sockets.make();
  while (server.arrived.length === 0) await new Promise(setImmediate);
  sockets.close();
  await once(server.arrived[0] as Socket, 'close');
  expect(server.arrived).toHaveLength(1);
});
