import {isDeepStrictEqual} from 'node:util';
import pg from 'pg';
import {Context} from '../../src/cli/context.ts';
import type {RunDocument, StreamDocument} from '../../src/store/run-document.ts';
import {reset} from '../../src/cli/reset.ts';
import {sync, type SyncFlags} from '../../src/cli/sync.ts';
import type {Path} from '../../src/core/shape.ts';
import type {Change} from '../../src/simulator/changes.ts';
import {startSimulator, type Simulator, type SimulatorOptions} from '../../src/simulator/simulator.ts';
import {CATALOGUE, streamNamed} from '../../src/streams/catalogue.ts';
import {keyNames} from '../../src/streams/stream.ts';
import {createLogger} from '../../src/telemetry/logger.ts';
import {storeDatabase, type ScratchDatabase} from './postgres.ts';

/** What a sync in this process came to. */
export interface SyncResult {
  readonly code: number;
  /** What `--json` printed; for one app the one document. */
  readonly document: RunDocument;
  /** Of one stream; fails the test when the run had no such stream. */
  stream(name: string): StreamDocument;
  /** What was written for people and as log. */
  readonly said: string;
}

/** A simulated app and an empty store, for tests that sync the one into the other. */
export class SyncHarness implements AsyncDisposable {
  readonly simulator: Simulator;
  readonly database: ScratchDatabase;
  readonly pool: pg.Pool;
  readonly env: Record<string, string>;
  /** Lines of the configuration file; empty for none. */
  config: string;

  constructor(simulator: Simulator, database: ScratchDatabase, config: string) {
    this.simulator = simulator;
    this.database = database;
    this.config = config;
    this.pool = new pg.Pool({connectionString: database.url, max: 2});
    this.pool.on('error', () => undefined);
    this.env = {
      CLARIFAI_PAT: simulator.pat,
      CLARIFAI_USER_ID: simulator.userId,
      CLARIFAI_APP_ID: simulator.appId,
      CLARIFAI_API_BASE: simulator.url,
      DATABASE_URL: database.url,
    };
  }

  /** Runs `sync --json`, in this process, by the same way as the command. */
  async sync(flags: SyncFlags = {}, signal: AbortSignal = new AbortController().signal): Promise<SyncResult> {
    const out: string[] = [];
    let said = '';
    const write = (text: string): void => {
      said += text;
    };
    const context = this.context(out, write, signal);
    let code;
    try {
      code = await sync(context, {...flags, json: true});
    } finally {
      await context.close();
    }
    const document = out.length === 0 ? undefined : (JSON.parse(out.join('')) as RunDocument);
    return {
      code,
      get document() {
        if (document === undefined) throw new Error(`the sync printed no document: ${said}`);
        return document;
      },
      stream(name) {
        const found = document?.streams.find((each) => each.stream === name);
        if (found === undefined) throw new Error(`the run had no stream ${name}: ${out.join('')} ${said}`);
        return found;
      },
      said,
    };
  }

  /** Does the work of another command in this process; gives its exit code and what it printed. */
  async command(
    work: (context: Context) => Promise<number>,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<{readonly code: number; readonly out: string; readonly said: string}> {
    const out: string[] = [];
    let said = '';
    const context = this.context(out, (text) => (said += text), signal);
    try {
      return {code: await work(context), out: out.join('\n'), said};
    } finally {
      await context.close();
    }
  }

  /** Runs `reset --yes` for a stream of the app, in the same way. */
  async reset(stream: string): Promise<void> {
    const context = this.context([], () => undefined, new AbortController().signal);
    try {
      await reset(context, {app: `${this.simulator.userId}/${this.simulator.appId}`, stream, yes: true});
    } finally {
      await context.close();
    }
  }

  /** What a command works with, by this harness's environment and configuration; whoever asks for it closes it. */
  context(out: string[], write: (text: string) => unknown, signal: AbortSignal): Context {
    const logger = createLogger({level: 'debug', format: 'json', write});
    const surroundings = {
      env: this.env,
      cwd: '/',
      out: (line: string) => void out.push(line),
      err: write,
      isTerminal: false,
      logger,
      signal,
      now: Date.now,
    };
    return new Context(surroundings, undefined, () => Promise.resolve(this.config));
  }

  change(...changes: Change[]): string[] {
    return changes.flatMap((change) => this.simulator.change(change).ids);
  }

  async query<Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return (await this.pool.query<Row>(text, [...values])).rows;
  }

  /** Requests since the last call of `forgetRequests`, by `METHOD path?query`. */
  requests(): string[] {
    return this.simulator
      .requests()
      .map(({method, path, query}) => `${method} ${path}${query === '' ? '' : `?${query}`}`);
  }

  forgetRequests(): void {
    this.simulator.traffic.clear();
  }

  /** Ids of the living records of a stream at the source, each key joined by `/`. */
  truthKeys(stream: string): string[] {
    return [...this.#truth(stream)].map(({key}) => key.join('/')).sort();
  }

  /** Keys of the living rows of a stream, in the same form. */
  async storedKeys(stream: string): Promise<string[]> {
    return [...(await this.#rows(stream)).keys()].sort();
  }

  /**
   * What differs between the source and the tables, record by record, `raw` included: a line for each difference;
   * empty when they are equal. Left out are places that change by themselves, and what is redacted.
   */
  async differences(streams: readonly string[] = CATALOGUE.map((stream) => stream.name)): Promise<string[]> {
    const found: string[] = [];
    for (const name of streams) {
      const rows = await this.#rows(name);
      for (const {key, raw} of this.#truth(name)) {
        const id = key.join('/');
        const row = rows.get(id);
        rows.delete(id);
        if (row === undefined) found.push(`${name} ${id}: missing`);
        else if (!isDeepStrictEqual(comparable(name, row), comparable(name, raw))) {
          found.push(
            `${name} ${id}: is ${JSON.stringify(comparable(name, row))}, not ${JSON.stringify(comparable(name, raw))}`,
          );
        }
      }
      for (const id of rows.keys()) found.push(`${name} ${id}: alive, but gone at the source`);
    }
    return found;
  }

  async #rows(name: string): Promise<Map<string, unknown>> {
    const keys = keyNames(streamNamed(name));
    const rows = await this.query<Record<string, unknown>>(
      `select ${keys.join(', ')}, raw from clarifai.${name} where _sync_deleted_at is null`,
    );
    return new Map(rows.map((row) => [keys.map((key) => String(row[key])).join('/'), row['raw']]));
  }

  #truth(name: string) {
    return this.simulator.truth(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pool.end();
    await this.simulator.close();
    await this.database.drop();
  }
}

/** No limit on requests unless a test is about that. */
const NO_LIMIT = 'source: {requests_per_second: 0}\n';

/** One stream of each strategy and what belongs to them: most tests are about these, and all others take their time. */
const FEW_STREAMS =
  'streams: [apps, inputs, annotations, datasets, bulk_operations, dataset_versions, dataset_inputs, concepts]\n';

/**
 * @param config lines of the configuration; those of FEW_STREAMS where it names none
 * @param database left out: a new one on the server of all tests, with an empty store in it
 */
export async function syncHarness(
  options: SimulatorOptions = {},
  config = '',
  database?: ScratchDatabase,
): Promise<SyncHarness> {
  const simulator = await startSimulator({inputs: 60, annotations: 240, datasets: 3, ...options});
  const streams = /^streams:/m.test(config) ? '' : FEW_STREAMS;
  return new SyncHarness(simulator, database ?? (await storeDatabase()), NO_LIMIT + streams + config);
}

/** A record without what may differ by design. */
export function comparable(name: string, raw: unknown): unknown {
  const {shape} = streamNamed(name);
  const copy: unknown = JSON.parse(JSON.stringify(raw));
  for (const path of [...shape.volatile, ...shape.redact]) remove(copy, path);
  for (const path of shape.byIdOnly) keepId(copy, path);
  return copy;
}

function remove(value: unknown, path: Path): void {
  const [first, ...rest] = path;
  if (typeof value !== 'object' || value === null || first === undefined) return;
  if (first === '*') for (const each of Object.values(value)) remove(each, rest);
  else if (rest.length === 0) delete (value as Record<string, unknown>)[first];
  else remove((value as Record<string, unknown>)[first], rest);
}

function keepId(value: unknown, path: Path): void {
  const [first, ...rest] = path;
  if (typeof value !== 'object' || value === null || first === undefined) return;
  const object = value as Record<string, unknown>;
  if (rest.length > 0) keepId(object[first], rest);
  else if (typeof object[first] === 'object') object[first] = {id: (object[first] as Record<string, unknown>)['id']};
}
