import {once} from 'node:events';
import {createServer, type AddressInfo, type Socket} from 'node:net';
import pg from 'pg';

/** A pooler that lends its server connections for one transaction at a time, as PgBouncer in transaction mode does. */
export interface TransactionPooler extends AsyncDisposable {
  readonly url: string;
}

/** One of the pooler's own connections, logged in; `lentTo` is the client whose transaction it carries. */
interface Lendable {
  readonly socket: Socket;
  readonly end: () => Promise<void>;
  lentTo: Socket | null;
  rest: Buffer;
}

const READY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]); // ReadyForQuery, idle
const AUTHENTICATION_OK = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0]);

/** Starts one before the database at `url`, with so many connections to it. */
export async function transactionPooler(url: string, connections: number): Promise<TransactionPooler> {
  const pool = await Promise.all(Array.from({length: connections}, () => lendable(url)));
  const waiting: {client: Socket; bytes: Buffer}[] = [];

  const pass = (client: Socket, bytes: Buffer): void => {
    // The last one given back is lent first, so that two clients meet in one session.
    const server = pool.find(({lentTo}) => lentTo === client) ?? pool.find(({lentTo}) => lentTo === null);
    if (server === undefined) return void waiting.push({client, bytes});
    server.lentTo = client;
    server.socket.write(bytes);
  };
  for (const server of pool) {
    server.socket.on('data', (bytes: Buffer) => {
      server.lentTo?.write(bytes);
      if (!endsTransaction(server, bytes)) return;
      server.lentTo = null;
      const next = waiting.shift();
      if (next !== undefined) pass(next.client, next.bytes);
    });
  }

  const clients = new Set<Socket>();
  const listener = createServer((client) => {
    clients.add(client);
    client.on('error', () => undefined);
    client.on('close', () => clients.delete(client));
    client.once('data', () => {
      client.write(Buffer.concat([AUTHENTICATION_OK, READY]));
      // Terminate ends the client's connection, never the server's.
      client.on('data', (bytes: Buffer) => (bytes[0] === 0x58 ? client.end() : pass(client, bytes)));
    });
  }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const {port} = listener.address() as AddressInfo;
  return {
    url: `postgresql://anybody@127.0.0.1:${port}/any`,
    [Symbol.asyncDispose]: async () => {
      for (const client of clients) client.destroy();
      listener.close();
      await Promise.all(pool.map(({end}) => end()));
    },
  };
}

/** Logs in by the driver, then takes its socket over. */
async function lendable(url: string): Promise<Lendable> {
  const client = new pg.Client({connectionString: url});
  client.on('error', () => undefined);
  await client.connect();
  const socket = (client as unknown as {connection: {stream: Socket}}).connection.stream;
  socket.removeAllListeners('data');
  const end = async (): Promise<void> => {
    if (socket.closed) return;
    const closed = once(socket, 'close');
    socket.end(Buffer.from([0x58, 0, 0, 0, 4]));
    await closed;
  };
  return {socket, end, lentTo: null, rest: Buffer.alloc(0)};
}

/** Walks the server's messages: is the last one in these bytes a ReadyForQuery outside a transaction? */
function endsTransaction(server: Lendable, bytes: Buffer): boolean {
  let rest = Buffer.concat([server.rest, bytes]);
  let isIdle = false;
  while (rest.length >= 5 && rest.length >= 1 + rest.readInt32BE(1)) {
    const message = rest.subarray(0, 1 + rest.readInt32BE(1));
    isIdle = message.equals(READY);
    rest = rest.subarray(message.length);
  }
  server.rest = rest;
  return isIdle && rest.length === 0;
}
