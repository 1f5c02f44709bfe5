import {randomBytes} from 'node:crypto';
import {gunzipSync} from 'node:zlib';
import {expect, test} from 'vitest';
import {PageCompressor} from '../../src/sinks/formats/page-compressor.ts';

test('is full while too many bytes wait, and has room again once they are compressed', async () => {
  const compressor = new PageCompressor();
  expect(compressor.isFull).toBe(false);
  const pages = Array.from({length: 20}, () => randomBytes(1024 * 1024));
  const compressed = pages.map((page) => compressor.compress(page));
  expect(compressor.isFull).toBe(true);
  await compressor.room();
  expect(compressor.isFull).toBe(false);
  const unpacked = (await Promise.all(compressed)).map((bytes) => gunzipSync(bytes));
  expect(unpacked.map((bytes, i) => bytes.equals(pages[i]!))).toEqual(pages.map(() => true));
});
