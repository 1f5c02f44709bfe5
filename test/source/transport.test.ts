import {once} from 'node:events';
import {createServer} from 'node:http';
import type {AddressInfo, Socket} from 'node:net';
import {describe, expect, test} from 'vitest';
import {DEFAULT_LIMITS, Transport} from '../../src/source/transport.ts';

const never = new AbortController().signal;
const GET = {method: 'GET', path: '/', headers: {}, body: null} as const;
const always = () => true;

/** A server that answers all, with a transport for it; `arrived` has its connections, `asked` counts requests. */
async function served(connections = 4) {
  const arrived: Socket[] = [];
  let asked = 0;
  const server = createServer((_, response) => {
    asked += 1;
    response.end('{}');
  });
  server.on('connection', (socket) => arrived.push(socket));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const transport = new Transport(origin, connections, DEFAULT_LIMITS);
  return {
    transport,
    arrived,
    asked: () => asked,
    connection: async () => {
      await once(server, 'connection');
    },
    [Symbol.asyncDispose]: async () => {
      await transport.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

const statusOf = async (answer: ReturnType<Transport['exchange']>) => {
  const exchange = await answer;
  return exchange?.kind === 'answered' ? exchange.httpStatus : exchange;
};

describe('a request', () => {
  test('sends nothing that may not leave any more, and keeps the connection', async () => {
    await using api = await served();
    expect(await api.transport.exchange(GET, never, () => false)).toBe(null);
    expect(await statusOf(api.transport.exchange(GET, never, always))).toBe(200);
    expect([api.arrived.length, api.asked()]).toEqual([1, 1]);
  });

  test('is asked whether it may leave once its connection is there', async () => {
    await using api = await served();
    let connected = -1;
    await api.transport.exchange(GET, never, () => {
      connected = api.transport.connected;
      return true;
    });
    expect(connected).toBe(1);
  });
});

describe('a connection that is made while a request waits', () => {
  test('is used by it', async () => {
    await using api = await served();
    await api.transport.connectDuring(() => api.connection());
    expect(await statusOf(api.transport.exchange(GET, never, always))).toBe(200);
    expect(api.arrived).toHaveLength(1);
  });

  test('is not made where one is free', async () => {
    await using api = await served();
    await api.transport.exchange(GET, never, always);
    await api.transport.connectDuring(() => new Promise((resolve) => setImmediate(() => setImmediate(resolve))));
    await api.transport.exchange(GET, never, always);
    expect(api.arrived).toHaveLength(1);
  });

  test('is made for each that waits, up to as many as there may be', async () => {
    await using api = await served(2);
    const three = async () => {
      while (api.arrived.length < 2) await api.connection();
    };
    await Promise.all([1, 2, 3].map(() => api.transport.connectDuring(three)));
    const answers = [1, 2, 3].map(() => statusOf(api.transport.exchange(GET, never, always)));
    expect(await Promise.all(answers)).toEqual([200, 200, 200]);
    expect(api.arrived).toHaveLength(2);
  });

  test('is made in the place of one that the server has ended, though others are free', async () => {
    await using api = await served();
    const pair = [1, 2].map(() => statusOf(api.transport.exchange(GET, never, always)));
    expect(await Promise.all(pair)).toEqual([200, 200]);
    const [first] = api.arrived;
    first?.destroy();
    while (api.transport.connected > 1) await new Promise(setImmediate);
    await api.transport.connectDuring(() => api.connection());
    expect(await statusOf(api.transport.exchange(GET, never, always))).toBe(200);
    expect(api.arrived).toHaveLength(3);
  });

  test('that fails is told by the request as its own', async () => {
    const closed = createServer();
    await once(closed.listen(0, '127.0.0.1'), 'listening');
    const {port} = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    const transport = new Transport(`http://127.0.0.1:${port}`, 2, DEFAULT_LIMITS);
    const exchange = await transport.connectDuring(() => transport.exchange(GET, never, always));
    expect(exchange).toMatchObject({kind: 'network', cause: {code: 'ECONNREFUSED'}});
    await transport.close();
  });

  test('ends with the transport when nobody has used it', async () => {
    await using api = await served();
    await api.transport.connectDuring(() => api.connection());
    const [made] = api.arrived;
    const ended = once(made as Socket, 'close');
    await api.transport.close();
    made?.resume();
    await ended;
    expect(made?.destroyed).toBe(true);
  });
});
