import {createHash} from 'node:crypto';
import {CopyBytes} from '../src/core/copy-bytes.ts';
import {preparePage} from '../src/core/prepare.ts';
import type {Column, RecordShape} from '../src/core/shape.ts';

// What preparing a record costs, beside the plain way (parse, stringify, sha256). Run with `node dist/bench/prepare.js`.
// The ways are measured in turn, and medians compared, because other programs slow the machine for a while at a time.

const RECORDS = 1000;
const ROUNDS = 9;
const PAGES_PER_ROUND = 60;

const column = (name: string, type: Column['type'], ...path: string[]): Column => ({name, type, path, doc: ''});

const SHAPE: RecordShape = {
  key: [
    {name: 'input_id', from: 'record', path: ['input_id']},
    {name: 'id', from: 'record', path: ['id']},
  ],
  columns: [
    column('created_at', 'timestamp', 'created_at'),
    column('modified_at', 'timestamp', 'modified_at'),
    column('status_code', 'integer', 'status', 'code'),
    column('trusted', 'boolean', 'trusted'),
    column('input_level', 'boolean', 'input_level'),
    column('user_id', 'text', 'user_id'),
    column('model_version_id', 'text', 'model_version_id'),
    column('task_id', 'text', 'task_id'),
    column('data', 'json', 'data'),
  ],
  modifiedAt: ['modified_at'],
  volatile: [['data', 'image', 'hosted']],
  redact: [['worker', 'user', 'primary_email']],
  byIdOnly: [],
};
const CONTEXT = {parentKey: [], maxRecordBytes: 8 * 1024 * 1024};

/** A page of annotations of about 550 bytes; `gap` stands after each colon and comma, `extra` adds members to data. */
function makePage(gap: string, extra: (i: number) => object): {bytes: Buffer; spans: Int32Array} {
  const spans: number[] = [];
  const texts: string[] = [];
  let at = 1;
  for (let i = 0; i < RECORDS; i++) {
    const hex = createHash('sha256').update(String(i)).digest('hex');
    const bounding_box = {top_row: 0.12345678, left_col: 0.23456789, bottom_row: 0.87654321, right_col: 0.98765432};
    const concepts = [{id: 'ai_8S2Vq3cR', name: 'bicycle', value: 1, app_id: 'main', language: 'en'}];
    const record = {
      id: hex.slice(0, 32),
      input_id: hex.slice(32),
      data: {regions: [{id: hex.slice(8, 24), region_info: {bounding_box}, data: {concepts}}], ...extra(i)},
      annotation_info: {},
      user_id: 'clarifai-user',
      model_version_id: '',
      status: {code: 24150, description: 'Annotation success'},
      created_at: '2024-05-01T12:34:56.123456Z',
      modified_at: '2024-05-02T12:34:56.123456Z',
      trusted: true,
      worker: {},
    };
    let text = JSON.stringify(record);
    if (gap !== '') text = text.replaceAll('":', `":${gap}`).replaceAll(',"', `,${gap}"`);
    const length = Buffer.byteLength(text);
    spans.push(at, at + length);
    texts.push(text);
    at += length + 1;
  }
  return {bytes: Buffer.from(`[${texts.join(',')}]`), spans: Int32Array.from(spans)};
}

type Page = ReturnType<typeof makePage>;

const WAYS: Record<string, (page: Page) => number> = {
  'parse, stringify, sha256': ({bytes}) => {
    const records = JSON.parse(bytes.toString()) as unknown[];
    let sum = 0;
    for (const record of records) sum += createHash('sha256').update(JSON.stringify(record)).digest('hex').length;
    return sum;
  },
  'keys and hashes': ({bytes, spans}) => preparePage(SHAPE, bytes, spans, CONTEXT).hashes.length,
  'keys, hashes and full rows': ({bytes, spans}) => {
    const prepared = preparePage(SHAPE, bytes, spans, CONTEXT);
    const out = new CopyBytes();
    for (let i = 0; i < prepared.count; i++) prepared.copyRow(i, out);
    return out.size;
  },
};

const PAGES: Record<string, Page> = {
  plain: makePage('', () => ({})),
  'space after : and ,': makePage(' ', () => ({})),
  'a volatile member': makePage('', (i) => ({image: {hosted: {prefix: 'https://x', suffix: `${i}`}}})),
  'an escape': makePage('', () => ({text: {raw: 'a "b" c'}})),
};

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

for (const [pageName, page] of Object.entries(PAGES)) {
  print(`${pageName}, ${Math.round(page.bytes.length / RECORDS)} bytes a record`);
  const times: Record<string, number[]> = {};
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [wayName, way] of Object.entries(WAYS)) {
      const start = performance.now();
      for (let k = 0; k < PAGES_PER_ROUND; k++) {
        if (way(page) === 0) throw new Error(`${wayName} did nothing`);
      }
      const us = ((performance.now() - start) * 1000) / (PAGES_PER_ROUND * RECORDS);
      if (round > 0) (times[wayName] ??= []).push(us); // the first round warms up
    }
  }
  const [first] = Object.values(times).map(median);
  for (const [wayName, us] of Object.entries(times)) {
    print(`  ${wayName.padEnd(28)} ${median(us).toFixed(2).padStart(6)} us  ${(first! / median(us)).toFixed(1)} x`);
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}
