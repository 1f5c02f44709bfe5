import {execFile} from 'node:child_process';
import {createHash} from 'node:crypto';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';
import {createGzip, gunzipSync} from 'node:zlib';
import {parquetReadObjects} from 'hyparquet';
import {sinkTable} from '../src/jobs/sink-tables.ts';
import {GZIP_LEVEL} from '../src/sinks/formats/gzip-level.ts';
import {jsonLines} from '../src/sinks/formats/json-lines.ts';
import {parquet} from '../src/sinks/formats/parquet.ts';
import type {PartFormat} from '../src/sinks/formats/part-format.ts';
import type {Change, Field} from '../src/sinks/table-shape.ts';
import {streamNamed} from '../src/streams/catalogue.ts';
import {atLeast, median, round2, tell} from './result.ts';

// What writing annotations as part files costs, beside gzip alone of the very bytes that the format compresses (the
// pages of Parquet, the lines of JSON). Run with `node dist/bench/formats.js`. Each measurement has a process of its
// own, for the peak of its memory; the cases run in turn, and medians of the rounds are compared.

const FORMATS: Readonly<Record<string, PartFormat>> = {parquet, 'json lines': jsonLines};
const PORTION = 2_000;
/** Rows that are made before the clock starts, and come again and again: too far apart for gzip's window to see it. */
const POOL_REGIONS = 20_000;
/** As parts end in the sink. */
const PART_BYTES = 64 * 1024 * 1024;

interface Size {
  /** Members of a few hundred bytes in each `raw`. */
  readonly regions: number;
  readonly rows: number;
}

interface Sample {
  readonly rows: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakRssBytes: number;
  /** Before the first row was written: the program and the pool of rows. */
  readonly startRssBytes: number;
  readonly bytes: number;
  readonly compressedBytes: number;
}

const SIZES: Readonly<Record<string, {readonly rounds: number; readonly sizes: readonly Size[]}>> = {
  '--short': {rounds: 1, sizes: [{regions: 1, rows: 20_000}]},
  '': {rounds: 3, sizes: [{regions: 1, rows: 100_000}, {regions: 40, rows: 10_000}]}, // prettier-ignore
  '--large': {rounds: 3, sizes: [{regions: 1, rows: 1_000_000}, {regions: 40, rows: 50_000}]}, // prettier-ignore
};

const [flag = '', ...rest] = process.argv.slice(2);
if (flag === '--measure') {
  const [name = '', way, regions, rows] = rest;
  const size = {regions: Number(regions), rows: Number(rows)};
  const sample = await (way === 'gzip alone' ? measureGzip : measureFormat)(FORMATS[name] as PartFormat, size);
  process.stdout.write(JSON.stringify(sample));
} else {
  const chosen = SIZES[flag];
  if (chosen === undefined || rest.length > 0) {
    process.stderr.write('usage: node dist/bench/formats.js [--short|--large]\n');
    process.exit(2);
  }
  for (const size of chosen.sizes) await compare(size, chosen.rounds);
}

async function compare(size: Size, rounds: number): Promise<void> {
  const names = Object.keys(FORMATS).flatMap((name) => [[name, 'written'] as const, [name, 'gzip alone'] as const]);
  const samples = names.map((): Sample[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, [name, way]] of names.entries()) samples[i]!.push(await inOwnProcess(name, way, size));
  }
  const rawBytes = Buffer.byteLength(change(size.regions, 0).values[rawAt(annotationFields())] ?? '');
  console.log(`\n${size.rows} annotations with a raw of ${rawBytes} bytes, gzip level ${GZIP_LEVEL}`);
  console.log(
    '                              rec/s  rec/cpu-s    MB/s  bytes:file   peak MB (start)   x, wall   x, cpu',
  );
  for (const [i, [name, way]] of names.entries()) {
    const of = (figure: (sample: Sample) => number, list = samples[i]!): number => median(list.map(figure));
    const reference = samples[i | 1]!; // comes after what it is the reference of
    const columns = [
      `${name}, ${way}`.padEnd(24),
      of((s) => s.rows / s.seconds).toFixed(0).padStart(10), // prettier-ignore
      of((s) => s.rows / s.cpuSeconds).toFixed(0).padStart(10), // prettier-ignore
      of((s) => s.bytes / s.seconds / 1e6).toFixed(1).padStart(7), // prettier-ignore
      of((s) => s.bytes / s.compressedBytes).toFixed(2).padStart(11), // prettier-ignore
      `${megabytes(of((s) => s.peakRssBytes))} (${megabytes(of((s) => s.startRssBytes))})`.padStart(17),
      (of((s) => s.seconds, reference) / of((s) => s.seconds)).toFixed(2).padStart(9),
      (of((s) => s.cpuSeconds, reference) / of((s) => s.cpuSeconds)).toFixed(2).padStart(8),
    ];
    console.log(columns.join(' '));
    if (way === 'gzip alone') continue;
    const ratio = round2(of((s) => s.seconds, reference) / of((s) => s.seconds));
    tell([
      {case: 6, name: `${name}, raw of ${rawBytes} bytes`, reference: 'gzip of the bytes', ...atLeast(ratio, 0.5)},
    ]);
  }
}

async function inOwnProcess(name: string, way: string, {regions, rows}: Size): Promise<Sample> {
  const self = fileURLToPath(import.meta.url);
  const args = [self, '--measure', name, way, String(regions), String(rows)];
  const {stdout} = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout) as Sample;
}

async function measureFormat(format: PartFormat, size: Size): Promise<Sample> {
  const pool = changePool(size);
  const fields = annotationFields();
  let compressedBytes = 0;
  const open = (): ReturnType<PartFormat['open']> =>
    format.open(fields, async (bytes) => {
      compressedBytes += bytes.length;
    });
  return await measured(size.rows, async () => {
    let bytes = 0;
    let writer = open();
    for (let at = 0; at < size.rows; at += PORTION) {
      const from = at % pool.length;
      const portion = Array.from(
        {length: Math.min(PORTION, size.rows - at)},
        (_, i) => pool[(from + i) % pool.length]!,
      );
      await writer.write(portion);
      if (writer.uncompressedBytes < PART_BYTES && at + PORTION < size.rows) continue;
      await writer.finish();
      bytes += writer.uncompressedBytes;
      writer = open();
    }
    return {bytes, compressedBytes};
  });
}

async function measureGzip(format: PartFormat, size: Size): Promise<Sample> {
  const blocks = await uncompressed(format, changePool(size));
  const blockBytes = blocks.reduce((sum, {length}) => sum + length, 0);
  const rows = poolRows(size);
  const times = Math.max(1, Math.round(size.rows / rows));
  return await measured(rows * times, async () => {
    let compressedBytes = 0;
    for (let i = 0; i < times; i++) {
      const gzip = createGzip({level: GZIP_LEVEL, chunkSize: 64 * 1024});
      gzip.on('data', (bytes: Buffer) => (compressedBytes += bytes.length));
      for (const block of blocks) await new Promise((resolve) => gzip.write(block, resolve));
      await new Promise((resolve) => gzip.on('end', resolve).end());
    }
    return {bytes: blockBytes * times, compressedBytes};
  });
}

/** What the format hands to gzip. */
async function uncompressed(format: PartFormat, changes: readonly Change[]): Promise<Buffer[]> {
  const pieces: Buffer[] = [];
  const writer = format.open(annotationFields(), async (bytes) => void pieces.push(bytes));
  await writer.write(changes);
  await writer.finish();
  const file = Buffer.concat(pieces);
  if (format !== parquet) return [gunzipSync(file)];
  const pages: Buffer[] = [];
  const unpack = (page: Uint8Array): Buffer => {
    pages.push(gunzipSync(page));
    return pages.at(-1)!;
  };
  await parquetReadObjects({
    file: file.buffer.slice(file.byteOffset, file.byteOffset + file.length),
    compressors: {GZIP: unpack},
  });
  return pages;
}

async function measured(
  rows: number,
  work: () => Promise<{readonly bytes: number; readonly compressedBytes: number}>,
): Promise<Sample> {
  const startRssBytes = process.memoryUsage.rss();
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  const done = await work();
  const seconds = (performance.now() - start) / 1000;
  const {user, system} = process.cpuUsage(cpu);
  const peakRssBytes = process.resourceUsage().maxRSS * 1024;
  return {rows, seconds, cpuSeconds: (user + system) / 1e6, peakRssBytes, startRssBytes, ...done};
}

function annotationFields(): readonly Field[] {
  return sinkTable(streamNamed('annotations')).fields;
}

function rawAt(fields: readonly Field[]): number {
  return fields.findIndex(({name}) => name === 'raw');
}

function poolRows({regions, rows}: Size): number {
  return Math.min(Math.ceil(POOL_REGIONS / regions), rows);
}

function changePool(size: Size): Change[] {
  return Array.from({length: poolRows(size)}, (_, i) => change(size.regions, i));
}

/** An annotation as the mirror has it. */
function change(regions: number, i: number): Change {
  const hex = createHash('sha256').update(String(i)).digest('hex');
  const noise = (k: number): number =>
    Number(`0.${parseInt(createHash('md5').update(`${i}.${k}`).digest('hex').slice(0, 8), 16)}`);
  const createdAt = new Date(1.7e12 + i * 1_337)
    .toISOString()
    .replace('T', ' ')
    .replace('Z', `${100 + (i % 900)}+00`);
  const region = (k: number): string =>
    `{"id": "${createHash('md5').update(`${i} ${k}`).digest('hex').slice(0, 16)}", "data": {"concepts": [{"id": "ai_${hex.slice(0, 6)}", "name": "bicycle", ` +
    `"value": 1, "app_id": "main"}]}, "region_info": {"bounding_box": {"top_row": ${noise(4 * k)}, "left_col": ` +
    `${noise(4 * k + 1)}, "bottom_row": ${noise(4 * k + 2)}, "right_col": ${noise(4 * k + 3)}}}}`;
  const data = `{"regions": [${Array.from({length: regions}, (_, k) => region(k)).join(', ')}]}`;
  const raw =
    `{"id": "${hex.slice(0, 32)}", "data": ${data}, "status": {"code": 24150, "description": "Annotation success"}, ` +
    `"trusted": true, "user_id": "clarifai-user", "input_id": "${hex.slice(32)}", "created_at": "${createdAt}", ` +
    `"modified_at": "${createdAt}"}`;
  const known: Readonly<Record<string, string | null>> = {
    user_id: 'clarifai-user',
    app_id: 'main',
    input_id: hex.slice(32),
    id: hex.slice(0, 32),
    raw,
    created_at: createdAt,
    modified_at: createdAt,
    _sync_run_id: '018f2a4e-7c1b-7d55-9a39-0c8f5d5f2b11',
    _sync_hash: `\\x01${hex.slice(0, 32)}`,
    _sync_first_seen_at: `2024-05-01 12:34:${String(10 + Math.floor(i / 1_000)).padStart(2, '0')}.123456+00`,
    _sync_changed_at: `2024-05-01 12:34:${String(10 + Math.floor(i / 1_000)).padStart(2, '0')}.123456+00`,
    _sync_deleted_at: null,
  };
  const usual: Readonly<Record<Field['type'], string | null>> = {
    text: 'some text',
    integer: '24150',
    bigint: '17',
    double: '0.5',
    boolean: 't',
    timestamp: createdAt,
    json: data,
    'text[]': '{bicycle,street}',
    uuid: '018f2a4e-7c1b-7d55-9a39-0c8f5d5f2b11',
    bytes: '\\x01',
  };
  const values = annotationFields().map(({name, type}) => (name in known ? known[name]! : usual[type]));
  return {op: 'insert', values};
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}
