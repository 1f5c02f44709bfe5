import {randomUUID} from 'node:crypto';
import {SinkRefusedError} from '../errors.ts';
import type {ObjectStore, StoreTraits} from './object-store.ts';

/**
 * Tries all that publishing needs on scratch keys below `_check/`, and removes them.
 * @throws SinkUnavailableError, SinkRefusedError, naming the path that failed
 */
export async function checkFolder(store: ObjectStore, sink: string): Promise<StoreTraits> {
  const scratch = `_check/${randomUUID()}/`;
  const [staged, put] = [`${scratch}staged`, `${scratch}put`];
  const bytes = Buffer.from(scratch);
  const expect = (holds: boolean, key: string, what: string): void => {
    if (!holds) throw new SinkRefusedError(`sink ${sink}: ${store.urlOf(key)}: ${what}`, {context: {sink, key}});
  };
  try {
    const object = store.stage(staged, {token: scratch});
    await object.write(bytes);
    await object.publish();
    const isTaken = (await store.putIfAbsent(put, bytes)) && !(await store.putIfAbsent(put, Buffer.from('other')));
    for (const key of [staged, put]) {
      expect((await store.get(key))?.equals(bytes) === true, key, 'what was written does not come back as it was');
    }
    const listed: string[] = [];
    for await (const {key} of store.list(scratch)) listed.push(key);
    expect(listed.join() === [put, staged].join(), scratch, 'a list does not show what was written');
    await store.delete([staged, put]);
    expect((await store.head(put)) === null, put, 'a file is there after it was removed');
    return {if_none_match: isTaken ? 'honoured' : 'ignored', lists_unfinished_uploads: true};
  } catch (error) {
    // What failed is reported. Clearing up fails for the same reason, as a rule; a probe left behind is harmless.
    await store.delete([staged, put]).catch(() => undefined);
    throw error;
  }
}
