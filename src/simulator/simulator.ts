import type {IncomingMessage, Server, ServerResponse} from 'node:http';
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {text} from 'node:stream/consumers';
import {messageOf, UsageError} from '../core/errors.ts';
import type {ApiDeps} from './api-server.ts';
import {answerApi} from './api-server.ts';
import {applyChange} from './app-changes.ts';
import type {AppSize} from './app-size.ts';
import {appSizeSchema, DEFAULT_SIZE} from './app-size.ts';
import {AppWorld} from './app-world.ts';
import type {Change, ChangeResult, SimulatedStream} from './changes.ts';
import {SimulatorClock} from './clock.ts';
import {answerControl} from './control.ts';
import type {Fault} from './faults.ts';
import {Faults} from './faults.ts';
import {appText} from './serve-owners.ts';
import type {Settings} from './settings.ts';
import {PageCache} from './page-cache.ts';
import {seedFrom} from './random.ts';
import {ResourceTables} from './resources/resource-tables.ts';
import {DEFAULT_SETTINGS, settingsSchema} from './settings.ts';
import type {LoggedRequest, TrafficStats} from './traffic.ts';
import {Traffic} from './traffic.ts';
import {truthOf} from './truth.ts';

/** What to simulate. Everything has a default; the same seed and sizes give the same records, byte for byte. */
export interface SimulatorOptions extends Partial<AppSize> {
  readonly seed?: string | number;
  readonly userId?: string;
  readonly appId?: string;
  readonly pat?: string;
  /** 0 for any free port. */
  readonly port?: number;
  readonly host?: string;
  /** Fixed time of the simulator's clock, epoch ms; left out, it runs with the machine's. */
  readonly now?: number;
  readonly settings?: Partial<Settings>;
  readonly faults?: readonly Fault[];
  /** More apps of the same user, each with its own records and sizes. */
  readonly apps?: Readonly<Record<string, Partial<AppSize>>>;
  /** Keep long pages as they were written out, until the next change; see PageCache. */
  readonly keepPages?: boolean;
}

/** A record as the list endpoints give it now. `raw` is undefined, and `text` alone is there, when it is not JSON. */
export interface TruthRecord {
  readonly key: readonly string[];
  readonly raw: unknown;
  readonly text: string | Uint8Array;
}

/**
 * A stand-in for the Clarifai API that listens on `url`. What its methods do can also be asked for over HTTP, below
 * `/_simulator/`, from another process.
 */
export class Simulator implements AsyncDisposable {
  readonly userId: string;
  /** The first app; methods that take an app mean this one unless told. */
  readonly appId: string;
  readonly pat: string;
  readonly clock: SimulatorClock;
  /** May be written to at any time. */
  readonly settings: Settings;
  readonly faults = new Faults();
  readonly traffic = new Traffic();
  readonly worlds = new Map<string, AppWorld>();
  /** What belongs to the user and to everybody. */
  readonly shared: ResourceTables;
  readonly #pages: PageCache | null;
  #server: Server | null = null;
  #hook: {every: number; count: number; run: (count: number) => void} | null = null;

  constructor(options: SimulatorOptions) {
    const {
      seed = 1,
      userId = 'acme',
      appId = 'plants',
      pat = 'simulator-pat',
      now,
      settings,
      faults = [],
      apps = {},
      keepPages = false,
    } = options;
    this.#pages = keepPages ? new PageCache() : null;
    this.userId = userId;
    this.appId = appId;
    this.pat = pat;
    this.clock = new SimulatorClock(now ?? null);
    this.settings = settingsSchema.parse({...DEFAULT_SETTINGS, ...settings});
    for (const fault of faults) this.faults.add(fault);
    const sizes: Record<string, Partial<AppSize>> = {[appId]: options, ...apps};
    this.shared = new ResourceTables({
      userId,
      appId: '',
      seed: seedFrom(`${seed}/${userId}`),
      startUs: DEFAULT_SIZE.startMs * 1000,
      counts: options.resources ?? {},
      nowUs: () => this.clock.nowUs(),
      others: {},
    });
    for (const [id, given] of Object.entries(sizes)) {
      const size = appSizeSchema.parse(sizeOf(given));
      this.worlds.set(id, new AppWorld({userId, appId: id, seed: String(seed)}, size, this));
    }
  }

  /** Where it listens, without a slash at the end. */
  get url(): string {
    const address = this.#server?.address() as AddressInfo | null | undefined;
    if (address === null || address === undefined) throw new UsageError('the simulator does not listen');
    const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
    return `http://${host}:${address.port}`;
  }

  /** The app's contents. Throws a UsageError when there is no such app. */
  world(appId: string = this.appId): AppWorld {
    const world = this.worlds.get(appId);
    if (world === undefined) throw new UsageError(`the simulator has no app '${appId}'`);
    return world;
  }

  /** Lets something happen to an app. Throws a UsageError, and changes nothing, when it names what is not there. */
  change(change: Change, appId?: string): ChangeResult {
    this.#pages?.clear();
    return applyChange(this.world(appId), change);
  }

  /** Calls this before every n-th answer from now on, with the number of answers so far; null for no longer. */
  changeEvery(requests: number, run: ((count: number) => void) | null): void {
    this.#hook = run === null ? null : {every: requests, count: 0, run};
  }

  /** All living records of a stream (`apps`: the user's) as the list endpoints give them. */
  *truth(stream: SimulatedStream, appId?: string): Generator<TruthRecord> {
    if (stream === 'apps') {
      for (const [id, world] of this.worlds) yield truthRecord([id], appText(world, {marker: false, counts: false}));
      return;
    }
    for (const {key, text: recordText} of truthOf(this.world(appId), stream)) yield truthRecord(key, recordText);
  }

  /** The first app's `search_revision_marker`, or that of another. */
  marker(appId?: string): string {
    return this.world(appId).marker;
  }

  requests(): readonly LoggedRequest[] {
    return this.traffic.log;
  }

  stats(): TrafficStats {
    return this.traffic.stats();
  }

  /** Begins to listen. */
  async listen(port: number, host: string): Promise<void> {
    const deps: ApiDeps = {
      realm: this,
      pat: this.pat,
      clock: this.clock,
      settings: this.settings,
      faults: this.faults,
      traffic: this.traffic,
      pages: this.#pages,
      onRequest: () => {
        if (this.#hook !== null && ++this.#hook.count % this.#hook.every === 0) this.#hook.run(this.#hook.count);
      },
    };
    const server = createServer({keepAliveTimeout: 60_000}, (request, response) => {
      void this.#answer(request, response, deps);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
    this.#server = server;
  }

  /** Stops listening and ends every connection, hanging ones too. */
  async close(): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    this.#server = null;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse, deps: ApiDeps): Promise<void> {
    try {
      const body = await text(request);
      if (request.url?.startsWith('/_simulator/') === true) await answerControl(this, request, response, body);
      else await answerApi(request, response, body, deps);
    } catch (error) {
      // A client that went away is no concern of ours; anything else is a defect, shown to whoever asked.
      if (response.destroyed || request.socket.destroyed) return;
      if (!response.headersSent) response.writeHead(500, {'content-type': 'text/plain'});
      response.end(`simulator failed: ${messageOf(error)}`);
    }
  }
}

/** Starts a simulator on a free port of this machine, or on the one named. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const simulator = new Simulator(options);
  await simulator.listen(options.port ?? 0, options.host ?? '127.0.0.1');
  return simulator;
}

function sizeOf(given: Partial<AppSize>): Record<string, unknown> {
  const names = Object.keys(DEFAULT_SIZE) as (keyof AppSize)[];
  const size: Record<string, unknown> = {...DEFAULT_SIZE};
  for (const name of names) if (given[name] !== undefined) size[name] = given[name];
  return size;
}

function truthRecord(key: readonly string[], recordText: string | Uint8Array): TruthRecord {
  return {
    key,
    text: recordText,
    get raw() {
      try {
        return JSON.parse(typeof recordText === 'string' ? recordText : Buffer.from(recordText).toString()) as unknown;
      } catch {
        // A record that a test made unreadable: its text says what it is.
        return undefined;
      }
    },
  };
}
