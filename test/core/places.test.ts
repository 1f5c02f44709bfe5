import {fileURLToPath} from 'node:url';
import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {databasePlaceOf, fileUrlOf, objectPlaceOf} from '../../src/core/places.ts';

describe('a place for objects', () => {
  test.each([
    ['s3://bucket', {kind: 's3', bucket: 'bucket', prefix: ''}],
    ['s3://bucket/', {kind: 's3', bucket: 'bucket', prefix: ''}],
    ['s3://bucket/a%20b/c/', {kind: 's3', bucket: 'bucket', prefix: 'a%20b/c/'}],
    ['file:///tmp/zz', {kind: 'folder', folder: '/tmp/zz'}],
    ['file:///tmp//zz/', {kind: 'folder', folder: '/tmp/zz'}],
    ['file:/tmp/zz', {kind: 'folder', folder: '/tmp/zz'}],
    ['file:///tmp/a%20b%23c', {kind: 'folder', folder: '/tmp/a b#c'}],
  ])('is told by %s', (url, place) => {
    expect(objectPlaceOf(url)).toEqual(place);
  });

  test.each([
    'file://relative/x',
    'file:x',
    'file:///',
    'file:///a%2Fb',
    's3://',
    's3:///prefix',
    's3://u:p@b/x',
    '/tmp',
  ])('is not told by %s', (url) => {
    expect(objectPlaceOf(url)).toBeNull();
  });
});

test('the URL of a path leads back to the path, whatever signs are in it', () => {
  const names = fc.string({unit: 'grapheme', minLength: 1}).filter((name) => !/[/\0]|^\.{1,2}$/.test(name));
  fc.assert(
    fc.property(fc.array(names, {minLength: 1}), (path) => {
      expect(fileURLToPath(fileUrlOf(`/${path.join('/')}`))).toBe(`/${path.join('/')}`);
    }),
  );
});

describe('two URLs of one database', () => {
  test.each([
    'postgres://h:5432/d',
    'postgresql://H/d/',
    'postgres://user:password@h/d',
    'postgres://h/d?sslmode=require',
    'postgres://d@h',
  ])('are one place: %s', (url) => {
    expect(databasePlaceOf(url)).toBe(databasePlaceOf('postgres://h/d'));
  });

  test.each(['postgres://h:5433/d', 'postgres://h/e', 'postgres://g/d', 'postgres:///d?host=/run/postgres'])(
    'are not when they lead elsewhere: %s',
    (url) => {
      expect(databasePlaceOf(url)).not.toBe(databasePlaceOf('postgres://h/d'));
    },
  );
});
