import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe} from 'vitest';
import {FileStore} from '../../src/sinks/objects/file-store.ts';
import {S3Store} from '../../src/sinks/objects/s3-store.ts';
import {hasRealS3, openRealS3, startFauxS3, type TestS3} from '../support/s3.ts';
import {objectStoreContract, type ScratchStore} from './object-store-contract.ts';
import {s3Options} from './objects-options.ts';

objectStoreContract('file', async () => {
  const root = await mkdtemp(join(tmpdir(), 'clarifai-sync-objects-'));
  return {
    store: new FileStore({name: 'folder', root}),
    sweeps: true,
    keepsTokens: false,
    ifNoneMatch: 'honoured',
    [Symbol.asyncDispose]: async () => {
      await rm(root, {recursive: true});
    },
  };
});

describe('s3', () => {
  const servers = [
    {name: 'fauxqs', open: startFauxS3, is: true},
    {name: 'real', open: openRealS3, is: hasRealS3()},
  ];
  for (const {name, open} of servers.filter(({is}) => is)) {
    describe(name, () => {
      let server: TestS3;
      beforeAll(async () => {
        server = await open();
      });
      afterAll(async () => {
        await server[Symbol.asyncDispose]();
      });
      objectStoreContract('s3', async (): Promise<ScratchStore> => {
        const store = new S3Store(s3Options(server, await server.bucket(), {prefix: 'a b/%20/'}));
        return {
          store,
          sweeps: server.kind === 'real',
          keepsTokens: true,
          ifNoneMatch: server.kind === 'real' ? null : 'ignored',
          [Symbol.asyncDispose]: async () => await store[Symbol.asyncDispose](),
        };
      });
    });
  }
});
