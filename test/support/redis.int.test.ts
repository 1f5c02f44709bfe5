import {connect} from 'node:net';
import {once} from 'node:events';
import {expect, test} from 'vitest';
import {startRedis} from './redis.ts';

// What TEST_REDIS_URL names is not ours to stop.
const ownTest = test.skipIf(Boolean(process.env['TEST_REDIS_URL']));

async function ask(url: string, command: string): Promise<string> {
  const {hostname, port} = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(`${command}\r\n`);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return answer.toString().trim();
}

ownTest('comes back on the same port after kill -9, with what it held if it is durable', async () => {
  await using redis = await startRedis({durable: true});
  expect(await ask(redis.url, 'SET k v')).toBe('+OK');
  await redis.kill('SIGKILL');
  await expect(ask(redis.url, 'GET k')).rejects.toMatchObject({code: 'ECONNREFUSED'});
  await redis.restart();
  expect(await ask(redis.url, 'GET k')).toBe('$1\r\nv');
});

ownTest('comes back empty if it is not durable', async () => {
  await using redis = await startRedis();
  expect(await ask(redis.url, 'SET k v')).toBe('+OK');
  await redis.kill('SIGKILL');
  await redis.restart();
  expect(await ask(redis.url, 'GET k')).toBe('$-1');
});
