import type {Config} from '../config/config.ts';
import {loadConfig, type ConfigNeed} from '../config/load.ts';
import {secretsOf} from '../config/secrets.ts';
import type {RunRules} from '../jobs/deps.ts';
import {sweepRequests} from '../jobs/sweep-share.ts';
import type {Connection} from '../store/database.ts';
import {openEmbedded} from '../store/embedded/open-embedded.ts';
import type {Store} from '../store/ledger.ts';
import {closeStore, openStore} from '../store/open.ts';
import {CATALOGUE} from '../streams/catalogue.ts';
import type {StreamOverlay} from '../streams/overlay.ts';
import type {Sink} from '../sinks/sink.ts';
import type {Stream} from '../streams/stream.ts';
import type {Logger} from '../telemetry/logger.ts';
import type {Ask} from './ask.ts';

/** What the process lends to a command: nothing in cli/ reads process by itself. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** A line of results. */
  readonly out: (line: string) => void;
  /** Text for the eyes of a person, as it is; standard error. */
  readonly err: (text: string) => void;
  readonly isTerminal: boolean;
  /** Asks whoever sits at the terminal; left out where there is none to ask on. */
  readonly ask?: Ask;
  readonly logger: Logger;
  /** Aborted by the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
  /** Epoch ms. */
  readonly now: () => number;
}

/** Opens what a command asks for, and closes all of it in reverse, whatever happens in between. */
export class Context {
  readonly surroundings: Surroundings;
  readonly #configFile: string | undefined;
  readonly #readFile: ((path: string) => Promise<string>) | undefined;
  readonly #closers: (() => Promise<void>)[] = [];

  /** @param readFile how files are read; from the disk where left out */
  constructor(
    surroundings: Surroundings,
    configFile: string | undefined,
    readFile?: (path: string) => Promise<string>,
  ) {
    this.surroundings = surroundings;
    this.#configFile = configFile;
    this.#readFile = readFile;
  }

  /** The configuration. Throws ConfigError. */
  async config(needs: readonly ConfigNeed[]): Promise<Config> {
    const {env, cwd, logger} = this.surroundings;
    const readFile = this.#readFile;
    const config = await loadConfig({
      file: this.#configFile,
      env,
      cwd,
      knownStreams: CATALOGUE,
      needs,
      ...(readFile === undefined ? {} : {readFile}),
    });
    logger.hide(secretsOf(config));
    for (const note of config.notes) logger.log.warn({note}, 'configuration was noted');
    return config;
  }

  /** Where the store's database is; starts the embedded one where none is configured. */
  async connection(config: Config): Promise<Connection> {
    if (config.store.kind === 'url') return {url: config.store.url};
    const {dataDir} = config.store;
    const embedded = await openEmbedded({dataDir, log: this.surroundings.logger.log, signal: this.surroundings.signal});
    this.defer(() => embedded.close());
    return embedded.connection;
  }

  async store(config: Config): Promise<Store> {
    const connection = await this.connection(config);
    const {schema, history} = config.store;
    const store = await openStore({
      connection,
      schema,
      history,
      leaseMs: config.run.leaseMs,
      overlays: overlaysOf(config),
    });
    this.defer(() => closeStore(store));
    return store;
  }

  /** The sinks beside the store, by name. */
  async sinks(config: Config): Promise<ReadonlyMap<string, Sink>> {
    const sinks = new Map<string, Sink>();
    if (config.sinks.length === 0) return sinks;
    // The S3 client and the formats are a fifth of what there is to load: only where they are wanted.
    // eslint-disable-next-line no-restricted-syntax -- within the room
    const {openSink} = await import('./open-sink.ts');
    for (const each of config.sinks) {
      const sink = openSink(each);
      this.defer(async () => sink[Symbol.asyncDispose]());
      sinks.set(each.name, sink);
    }
    return sinks;
  }

  /** Closed when the command has ended, the last one first. */
  defer(close: () => Promise<void>): void {
    this.#closers.push(close);
  }

  async close(): Promise<void> {
    for (let close = this.#closers.pop(); close !== undefined; close = this.#closers.pop()) {
      await close().catch((error: unknown) => {
        this.surroundings.logger.log.debug({err: error}, 'closing failed');
      });
    }
  }
}

/** Redactions and exclusions by stream. */
export const overlaysOf = ({streamOptions}: Config): ReadonlyMap<string, StreamOverlay> =>
  new Map(Object.entries(streamOptions).map(([name, {redact, exclude}]) => [name, {redact, exclude}]));

/** Rules of runs by the configuration. */
export function rulesOf(config: Config): RunRules {
  const {maxDeleteRatio, proofRequests, settleMs, sweepMs, maxRecordBytes} = config.run;
  const {requestsPerSecond, headroom} = config.source;
  return {
    maxDeleteRatio,
    proofRequests,
    settleMs,
    sweepMs,
    maxRecordBytes,
    sweepRequests: (elapsedMs: number) => sweepRequests(requestsPerSecond * (1 - headroom), elapsedMs),
    pageSizeOf: (stream: Stream) =>
      config.streamOptions[stream.name]?.pageSize ?? Math.min(stream.pageSize ?? 1_000, config.source.pageSize),
    strategyOf: (stream: Stream) => config.streamOptions[stream.name]?.strategy ?? stream.strategy,
    purgeAfterMs: config.run.purgeDeletedAfterMs,
    notifyOn: config.notify?.on ?? [],
  };
}
