import {spawn, type ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {mkdtemp, rm} from 'node:fs/promises';
import {connect, createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';

/** A Redis for tests. Disposing stops it and removes what it wrote. */
export interface TestRedis extends AsyncDisposable {
  readonly url: string;
  /** Ends it with the signal and waits until it is gone. Throws for the one that TEST_REDIS_URL names. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again after `kill`, on the same port; with what it held if it is `durable`. */
  restart(): Promise<void>;
}

const START_TIMEOUT_MS = 20_000;

/**
 * Starts a Redis on a free port of loopback, or gives the one that TEST_REDIS_URL names. Tests share neither queue
 * names nor prefixes, so one server may serve many.
 * @param options.password asked of every client, and in the URL; one that was given keeps its own
 * @param options.durable every write is on disk before it is answered, so that a killed server comes back with it
 */
export async function startRedis(options: {durable?: boolean; password?: string} = {}): Promise<TestRedis> {
  const given = process.env['TEST_REDIS_URL'];
  if (given !== undefined && given !== '') return givenRedis(given);
  const folder = await mkdtemp(join(tmpdir(), 'clarifai-sync-redis-'));
  const port = await freePort();
  const durable = options.durable ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no'];
  const {password} = options;
  const guarded = password === undefined ? [] : ['--requirepass', password];
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', ...durable, ...guarded];
  let server = await start(port, args);
  const kill = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const gone = once(server, 'exit');
    server.kill(signal);
    await gone;
  };
  return {
    url: `redis://${password === undefined ? '' : `:${encodeURIComponent(password)}@`}127.0.0.1:${port}`,
    kill,
    restart: async () => {
      server = await start(port, args);
    },
    [Symbol.asyncDispose]: async () => {
      await kill();
      await rm(folder, {recursive: true, force: true});
    },
  };
}

function givenRedis(url: string): TestRedis {
  const refuse = async (): Promise<void> => {
    throw new Error('TEST_REDIS_URL names a server that the tests did not start and must not stop');
  };
  return {url, kill: refuse, restart: refuse, [Symbol.asyncDispose]: async () => undefined};
}

async function start(port: number, args: readonly string[]): Promise<ChildProcess> {
  const server = spawn('redis-server', args, {stdio: ['ignore', 'pipe', 'pipe'], cwd: '/'});
  let said = '';
  for (const stream of [server.stdout, server.stderr]) stream.on('data', (chunk) => (said += String(chunk)));
  const failed = new Promise<never>((_, reject) => {
    server.once('error', (cause) =>
      reject(new Error('redis-server is not on PATH: install it, or set TEST_REDIS_URL', {cause})),
    );
    server.once('exit', (code) => reject(new Error(`redis-server ended (${code}):\n${said}`)));
  });
  failed.catch(() => undefined);
  await Promise.race([failed, answersPing(port)]);
  return server;
}

async function answersPing(port: number): Promise<void> {
  const giveUpAt = Date.now() + START_TIMEOUT_MS;
  while (!(await ping(port))) {
    if (Date.now() > giveUpAt) throw new Error(`no Redis answered on port ${port} within ${START_TIMEOUT_MS} ms`);
    await sleep(10);
  }
}

function ping(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    const done = (answered: boolean): void => {
      socket.destroy();
      resolve(answered);
    };
    socket.once('data', (data) => done(/^(?:\+PONG|-NOAUTH)/.test(String(data))));
    socket.once('error', () => done(false));
    socket.once('close', () => done(false));
  });
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return address.port;
}
