import type {IncomingMessage, ServerResponse} from 'node:http';
import {once} from 'node:events';
import {z} from 'zod';
import {UsageError} from '../core/errors.ts';
import {changeSchema, simulatedStreams} from './changes.ts';
import {faultSchema} from './faults.ts';
import {appText} from './serve-owners.ts';
import type {TrueRecord} from './truth.ts';
import {truthOf} from './truth.ts';
import {settingsSchema} from './settings.ts';
import type {Simulator} from './simulator.ts';

const changesSchema = z.strictObject({appId: z.string().optional(), changes: z.array(changeSchema)});
const clockSchema = z.strictObject({fixMs: z.number().nullable().optional(), advanceMs: z.number().optional()});

type Control = (simulator: Simulator, body: unknown) => unknown;

/** What is below `/_simulator/` besides the truth, by method and name. */
const CONTROLS: Readonly<Record<string, Control>> = {
  'GET about': ({userId, appId, worlds, settings, clock}) => {
    return {userId, appId, appIds: [...worlds.keys()], nowMs: clock.nowMs(), settings};
  },
  'POST changes': (simulator, body) => {
    const {appId, changes} = changesSchema.parse(body);
    return {results: changes.map((change) => simulator.change(change, appId))};
  },
  'GET settings': (simulator) => simulator.settings,
  'POST settings': (simulator, body) => Object.assign(simulator.settings, settingsSchema.partial().parse(body)),
  'GET faults': (simulator) => ({faults: simulator.faults.list()}),
  'POST faults': (simulator, body) => {
    for (const fault of z.array(faultSchema).parse(body)) simulator.faults.add(fault);
    return {faults: simulator.faults.list()};
  },
  'DELETE faults': (simulator) => {
    simulator.faults.clear();
    return {faults: []};
  },
  'POST clock': (simulator, body) => {
    const {fixMs, advanceMs} = clockSchema.parse(body);
    if (fixMs !== undefined) simulator.clock.fix(fixMs);
    if (advanceMs !== undefined) simulator.clock.advance(advanceMs);
    return {nowMs: simulator.clock.nowMs()};
  },
  'GET requests': (simulator) => ({requests: simulator.requests(), byPath: simulator.stats().byPath}),
  'DELETE requests': (simulator) => {
    simulator.traffic.clear();
    return {requests: []};
  },
  'GET stats': (simulator) => simulator.stats(),
};

/** Answers what is asked of the simulator itself. None of it counts as a request of the API. */
export async function answerControl(
  simulator: Simulator,
  request: IncomingMessage,
  response: ServerResponse,
  body: string,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://simulator');
  const name = url.pathname.slice('/_simulator/'.length);
  if (request.method === 'GET' && name.startsWith('truth/')) {
    await sendTruth(simulator, url, name.slice('truth/'.length), response);
    return;
  }
  const control = CONTROLS[`${request.method ?? 'GET'} ${name}`];
  if (control === undefined) {
    sendJson(response, 404, {
      error: `no ${request.method ?? 'GET'} ${name}; there are ${Object.keys(CONTROLS).join(', ')}, GET truth/STREAM`,
    });
    return;
  }
  try {
    sendJson(response, 200, control(simulator, body === '' ? {} : (JSON.parse(body) as unknown)));
  } catch (error) {
    if (error instanceof z.ZodError) sendJson(response, 400, {error: z.prettifyError(error)});
    else if (error instanceof UsageError || error instanceof SyntaxError)
      sendJson(response, 400, {error: error.message});
    else throw error;
  }
}

/** One line of JSON for each record: `{"key":[…],"raw":…}`. Query: app_id, offset, limit. */
async function sendTruth(simulator: Simulator, url: URL, name: string, response: ServerResponse): Promise<void> {
  const stream = name === 'apps' ? 'apps' : simulatedStreams.safeParse(name).data;
  const appId = url.searchParams.get('app_id') ?? simulator.appId;
  if (stream === undefined || !simulator.worlds.has(appId)) {
    sendJson(response, 404, {error: `no stream '${name}' in app '${appId}'`});
    return;
  }
  const offset = Number(url.searchParams.get('offset') ?? 0);
  const end = offset + Number(url.searchParams.get('limit') ?? Infinity);
  response.writeHead(200, {'content-type': 'application/jsonl'});
  const records = stream === 'apps' ? appTruth(simulator) : truthOf(simulator.world(appId), stream);
  let index = 0;
  let lines: Buffer[] = [];
  for (const record of records) {
    if (index >= end) break;
    if (index++ < offset) continue;
    lines.push(lineOf(record));
    if (lines.length < 500) continue;
    if (!response.write(Buffer.concat(lines))) await once(response, 'drain');
    lines = [];
  }
  response.end(Buffer.concat(lines));
}

function* appTruth(simulator: Simulator): Generator<TrueRecord> {
  for (const [id, world] of simulator.worlds) yield {key: [id], text: appText(world, {marker: false, counts: false})};
}

function lineOf({key, text}: TrueRecord): Buffer {
  const start = `{"key":${JSON.stringify(key)},"raw":`;
  // Line ends in JSON are blanks between tokens; those of a raw record would break the lines.
  if (typeof text === 'string') return Buffer.from(`${start}${text.replaceAll(/[\r\n]/g, ' ')}}\n`);
  const bytes = text.map((byte) => (byte === 10 || byte === 13 ? 32 : byte));
  return Buffer.concat([Buffer.from(start), bytes, Buffer.from('}\n')]);
}

function sendJson(response: ServerResponse, http: number, value: unknown): void {
  response.writeHead(http, {'content-type': 'application/json'});
  response.end(JSON.stringify(value));
}
