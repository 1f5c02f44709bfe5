import {expect, test} from 'vitest';
import {mayPass, sqlState, storeError} from '../../src/store/errors.ts';

const systemError = (code: string): Error =>
  Object.assign(new Error(`write ${code}`), {code, errno: -32, syscall: 'write'});
const serverError = (code: string): Error => Object.assign(new Error('told by the server'), {code, severity: 'ERROR'});

test.each(['EPIPE', 'ECONNRESET', 'ENOENT', 'ETIMEDOUT'])(
  'a connection that broke with %s may be there again a moment later, and tells no state of the server',
  (code) => {
    expect(sqlState(systemError(code))).toBeUndefined();
    expect(mayPass(storeError(systemError(code), 'a statement'))).toBe(true);
  },
);

test.each(['57P01', '57P03', '40P01', '53300', '08006', '25P03', '58030'])('state %s may pass', (state) => {
  expect(mayPass(storeError(serverError(state), 'a statement'))).toBe(true);
});

test.each(['42P01', '23505', 'XX000', '22P02'])('state %s stays', (state) => {
  expect(mayPass(storeError(serverError(state), 'a statement'))).toBe(false);
});
