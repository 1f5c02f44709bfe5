import {createHash, randomBytes} from 'node:crypto';
import {describe, expect, test} from 'vitest';
import {StagedLostError} from '../../src/sinks/errors.ts';
import type {ObjectStore} from '../../src/sinks/objects/object-store.ts';

/** An empty place for objects, and what this kind of place can do. */
export interface ScratchStore extends AsyncDisposable {
  readonly store: ObjectStore;
  /** Finds what others left unfinished. */
  readonly sweeps: boolean;
  /** `head` gives the token. */
  readonly keepsTokens: boolean;
  /** What `check` says of IfNoneMatch; null: not known beforehand. */
  readonly ifNoneMatch: string | null;
}

const MIB = 1024 * 1024;
/** Nothing; held in memory; one part; several parts, the last a small one. */
const SIZES = [0, 10, 3 * MIB, 17 * MIB + 1];
const TOKEN = {token: 'store/run/changes'};

/** What every place for objects must do. */
export function objectStoreContract(name: string, openScratch: () => Promise<ScratchStore>): void {
  const scenario = (sentence: string, body: (scratch: ScratchStore) => Promise<void>): void =>
    test(sentence, async () => {
      await using scratch = await openScratch();
      await body(scratch);
    });

  describe(name, () => {
    for (const size of SIZES) {
      scenario(
        `shows nothing of ${size} staged bytes before they are published, and all of them after`,
        async (scratch) => {
          const {store} = scratch;
          const bytes = randomBytes(size);
          const object = store.stage('a/run=1/part', TOKEN);
          for (let from = 0; from < size; from += 5 * MIB) await object.write(bytes.subarray(from, from + 5 * MIB));
          const sha256 = createHash('sha256').update(bytes).digest('hex');
          expect(await object.ready()).toEqual({contentLength: size, sha256});
          expect(await keys(store, '')).toEqual([]);
          expect(await store.head('a/run=1/part')).toBeNull();
          await object.publish();
          expect(await keys(store, '')).toEqual(['a/run=1/part']);
          expect((await store.get('a/run=1/part'))?.equals(bytes)).toBe(true);
          const token = scratch.keepsTokens ? TOKEN.token : null;
          expect(await store.head('a/run=1/part')).toEqual({contentLength: size, token});
        },
      );

      scenario(`publishes ${size} bytes twice without harm`, async ({store}) => {
        const bytes = randomBytes(size);
        const object = await staged(store, 'part', bytes);
        await object.publish();
        await object.publish();
        expect((await store.get('part'))?.equals(bytes)).toBe(true);
      });

      scenario(`leaves nothing of ${size} staged bytes that are abandoned`, async ({store}) => {
        const object = await staged(store, 'a/part', randomBytes(size));
        await object.abandon();
        expect(await keys(store, '')).toEqual([]);
        expect(await store.sweep('')).toBe(0);
      });
    }

    scenario('publishes over an object that is there', async ({store}) => {
      await (await staged(store, 'part', randomBytes(2 * MIB))).publish();
      const bytes = randomBytes(2 * MIB);
      await (await staged(store, 'part', bytes)).publish();
      expect((await store.get('part'))?.equals(bytes)).toBe(true);
    });

    scenario('lets the caller use its buffer again after a write', async ({store}) => {
      const object = store.stage('part', TOKEN);
      const bytes = Buffer.from('first ');
      await object.write(bytes);
      bytes.fill('x');
      await object.write(Buffer.from('second'));
      await object.publish();
      expect(String(await store.get('part'))).toBe('first second');
    });

    scenario('leaves what was published when it is abandoned afterwards', async ({store}) => {
      const object = await staged(store, 'part', randomBytes(2 * MIB));
      await object.publish();
      await object.abandon();
      expect(await keys(store, '')).toEqual(['part']);
    });

    scenario('sweeps what others left below the prefix, and that alone', async ({store, sweeps}) => {
      if (!sweeps) return expect(await store.sweep('a/')).toBe(0);
      const mine = await staged(store, 'a/run=1/part', randomBytes(2 * MIB));
      const other = await staged(store, 'a/run=10/part', randomBytes(2 * MIB));
      expect(await store.sweep('a/run=1/')).toBe(1);
      expect(await store.sweep('a/run=1/')).toBe(0);
      await expect(mine.publish()).rejects.toThrow(StagedLostError);
      await other.publish();
      expect(await keys(store, '')).toEqual(['a/run=10/part']);
    });

    scenario('puts over what is there', async ({store}) => {
      await store.put('a/_latest.json', Buffer.from('1'));
      await store.put('a/_latest.json', Buffer.from('22'));
      expect(String(await store.get('a/_latest.json'))).toBe('22');
      expect(await store.head('a/_latest.json')).toEqual({contentLength: 2, token: null});
    });

    scenario('puts if absent once, and says so again when it was this', async ({store}) => {
      expect(await store.putIfAbsent('_owner.json', Buffer.from('mine'))).toBe(true);
      expect(await store.putIfAbsent('_owner.json', Buffer.from('mine'))).toBe(true);
      expect(await store.putIfAbsent('_owner.json', Buffer.from('theirs'))).toBe(false);
      expect(String(await store.get('_owner.json'))).toBe('mine');
    });

    scenario('lets one of several that put if absent at once have it', async ({store}) => {
      const owners = ['one', 'two', 'three', 'four'];
      const won = await Promise.all(owners.map((owner) => store.putIfAbsent('_owner.json', Buffer.from(owner))));
      expect(owners.filter((_, i) => won[i])).toEqual([String(await store.get('_owner.json'))]);
    });

    scenario('advances what is older or absent, and leaves what is not', async ({store}) => {
      const to = (text: string) =>
        store.advance('_latest.json', Buffer.from(text), (there) => there === null || String(there) < text);
      expect(await to('2')).toBe(true);
      expect(await to('3')).toBe(true);
      expect(await to('3')).toBe(true);
      expect(await to('1')).toBe(false);
      expect(String(await store.get('_latest.json'))).toBe('3');
    });

    scenario('ends at the greatest of several that advance at once', async ({store}) => {
      const to = (n: number) =>
        store.advance('_latest.json', Buffer.from(String(n)), (there) => there === null || Number(String(there)) < n);
      await Promise.all([1, 2, 3].map(to));
      await to(4);
      expect(String(await store.get('_latest.json'))).toBe('4');
    });

    scenario('has nothing where nothing was put', async ({store}) => {
      expect(await store.get('a/b')).toBeNull();
      expect(await store.head('a/b')).toBeNull();
      expect(await keys(store, '')).toEqual([]);
      await store.delete(['a/b']);
    });

    scenario('lists in order of the key, from a prefix on and after a key', async ({store}) => {
      const all = ['a-b/1', 'a.b/1', 'a/b', 'a/b/1', 'a/b-1', 'ab/1'].filter((key) => key !== 'a/b');
      for (const key of all) await store.put(key, Buffer.from(key));
      expect(await keys(store, '')).toEqual(['a-b/1', 'a.b/1', 'a/b-1', 'a/b/1', 'ab/1']);
      expect(await keys(store, 'a/')).toEqual(['a/b-1', 'a/b/1']);
      expect(await keys(store, 'a/b/')).toEqual(['a/b/1']);
      expect(await keys(store, 'a')).toEqual(['a-b/1', 'a.b/1', 'a/b-1', 'a/b/1', 'ab/1']);
      expect(await keys(store, '', 'a.b/1')).toEqual(['a/b-1', 'a/b/1', 'ab/1']);
      expect(await keys(store, 'a/', 'a/b')).toEqual(['a/b-1', 'a/b/1']);
    });

    scenario('lists more keys than an answer holds', async ({store}) => {
      const all = Array.from({length: 1005}, (_, i) => `m/${String(i).padStart(12, '0')}.json`);
      for (let from = 0; from < all.length; from += 67) {
        await Promise.all(all.slice(from, from + 67).map((key) => store.put(key, Buffer.from('x'))));
      }
      expect(await keys(store, 'm/')).toEqual(all);
      expect(await keys(store, 'm/', all[1001])).toEqual(all.slice(1002));
      await store.delete(all);
      expect(await keys(store, '')).toEqual([]);
    });

    scenario('keeps percent signs in keys as they are', async ({store}) => {
      const key = 'inputs/user=a%2Fb%20c/app=%C3%BC/run=1/part-00000.parquet';
      await (await staged(store, key, randomBytes(2 * MIB))).publish();
      expect(await keys(store, '')).toEqual([key]);
      expect((await store.head(key))?.contentLength).toBe(2 * MIB);
    });

    scenario('deletes what is named, and again without harm', async ({store}) => {
      for (const key of ['a/1', 'a/2', 'b/1']) await store.put(key, Buffer.from(key));
      await store.delete(['a/1', 'b/1']);
      await store.delete(['a/1', 'b/1']);
      expect(await keys(store, '')).toEqual(['a/2']);
    });

    scenario('says what it can do when it is checked, and leaves nothing', async ({store, sweeps, ifNoneMatch}) => {
      const traits = await store.check();
      expect(traits['lists_unfinished_uploads']).toBe(sweeps);
      if (ifNoneMatch !== null) expect(traits['if_none_match']).toBe(ifNoneMatch);
      expect(await keys(store, '')).toEqual([]);
      expect(await store.sweep('')).toBe(0);
    });

    scenario('refuses a key that leads out of its place', async ({store}) => {
      await expect(store.put('a/../../b', Buffer.from('x'))).rejects.toThrow(/below its root/);
    });
  });
}

/** Keys in the order in which they are listed. */
export async function keys(store: ObjectStore, prefix: string, after?: string): Promise<string[]> {
  const found: string[] = [];
  for await (const {key} of store.list(prefix, after)) found.push(key);
  return found;
}

/** A staged object of these bytes, ready to be published. */
export async function staged(
  store: ObjectStore,
  key: string,
  bytes: Buffer,
): Promise<ReturnType<ObjectStore['stage']>> {
  const object = store.stage(key, TOKEN);
  await object.write(bytes);
  await object.ready();
  return object;
}
