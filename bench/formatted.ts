import {CopyBytes} from '../src/core/copy-bytes.ts';
import {preparePage} from '../src/core/prepare.ts';
import type {PreparedPage} from '../src/core/prepared.ts';
import {listCall} from '../src/jobs/list-calls.ts';
import {streamedInputs} from '../src/jobs/streamed-inputs.ts';
import {numberedPages} from '../src/source/numbered-pages.ts';
import {openClient} from '../src/source/open-client.ts';
import {streamNamed} from '../src/streams/catalogue.ts';
import type {Stream} from '../src/streams/stream.ts';
import type {Api} from './place.ts';

/** All records of a stream, ready for COPY: pages of lines of text, as the service itself would write them. */
export interface FormattedStream {
  readonly stream: Stream;
  readonly pages: readonly Buffer[];
  readonly records: number;
}

const PAGE_SIZE = 1_000;

/** Reads the streams' records once and formats them, so that the reference has nothing left to do but to load them. */
export async function formattedRecords(api: Api, names: readonly string[]): Promise<FormattedStream[]> {
  const client = openClient({baseUrl: api.url, pat: api.pat, requestsPerSecond: 0, headroom: 0, maxConcurrency: 4});
  try {
    const formatted: FormattedStream[] = [];
    for (const name of names) formatted.push(await formattedStream(api, client, streamNamed(name)));
    return formatted;
  } finally {
    await client.close();
  }
}

async function formattedStream(
  {userId, appId}: Api,
  client: ReturnType<typeof openClient>,
  stream: Stream,
): Promise<FormattedStream> {
  const scope = {userId, appId};
  const signal = new AbortController().signal;
  const options = {from: null, pageSize: PAGE_SIZE};
  const [list] = stream.lists;
  if (list === undefined) throw new Error(`${stream.name} has no list`);
  const source =
    stream.pages === 'last_id'
      ? streamedInputs(client, scope, options, signal)
      : numberedPages(client, listCall(scope, stream, list, []), options, signal);
  const pages: Buffer[] = [];
  let records = 0;
  for await (const {bytes, spans} of source) {
    const page = preparePage(stream.shape, bytes, spans, {parentKey: [], maxRecordBytes: 8 * 1024 * 1024});
    if (page.count === 0) continue;
    pages.push(copyLines(page, records + 1));
    records += page.count;
  }
  return {stream, pages, records};
}

const TAB = 0x09;

/** A page as the reference takes it: each record a line of COPY text that ends with its number. */
export function copyLines(page: PreparedPage, firstNumber: number): Buffer {
  const out = new CopyBytes();
  for (let i = 0; i < page.count; i++) {
    for (const part of page.keys) {
      out.text(part[i] as string);
      out.byte(TAB);
    }
    page.copyRow(i, out);
    const rest = Buffer.from(`\\\\x${page.hashes[i] as string}\t${firstNumber + i}\n`);
    out.copy(rest, 0, rest.length);
  }
  return out.takeAll() ?? Buffer.alloc(0);
}
