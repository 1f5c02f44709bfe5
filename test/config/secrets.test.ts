import {expect, test} from 'vitest';
import {patOf, secretsOf} from '../../src/config/secrets.ts';
import {load} from './load-for-test.ts';

test('the secrets are the token and the password of the store, as written and as meant', async () => {
  const config = await load({yaml: 'state: {url: "postgres://u:p%40ss@h/d?password=other"}'});
  expect(secretsOf(config)).toEqual(['token-of-test', 'p%40ss', 'p@ss', 'other']);
});

test('a URL without a password gives no secret', async () => {
  const config = await load({yaml: 'state: {url: "postgres://u@h/d"}'});
  expect(secretsOf(config)).toEqual(['token-of-test']);
});

test('the token is asked for by name when a command without it turns out to need it', async () => {
  const {source} = await load({env: {}, options: {needs: []}});
  expect(() => patOf(source)).toThrow('CLARIFAI_PAT_FILE');
});
