import type {Socket} from 'node:net';
import {buildConnector} from 'undici';

const CLOSED = 'the connections were closed';

/** One that nobody has taken for so long is ended, ms: what is between may have forgotten it without a word. */
const UNUSED_MS = 30_000;

const end = function (this: Socket): void {
  this.destroy();
};

/** A connection that was made ahead, or why it could not be. */
type Made = Promise<Socket | Error>;

/**
 * Connections to one origin that are made before there is a request for them, so that it leaves at its moment: making one
 * takes one time there and back, two with TLS. Those that fail before they are asked for are forgotten.
 */
export class ReadySockets {
  readonly #connect: buildConnector.connector;
  readonly #origin: URL;
  readonly #unusedMs: number;
  #ready: Made[] = [];
  #isClosed = false;

  /**
   * @param connectMs how long making one may take, ms
   * @param unusedMs how long one is kept that nobody takes, ms
   */
  constructor(origin: string, connectMs: number, unusedMs = UNUSED_MS) {
    this.#origin = new URL(origin);
    this.#unusedMs = unusedMs;
    this.#connect = buildConnector({timeout: connectMs});
  }

  /** Those that nobody has taken. */
  get count(): number {
    return this.#ready.length;
  }

  /** Begins to make one more. */
  make(): void {
    const {host, protocol, port} = this.#origin;
    const hostname = this.#origin.hostname.replace(/^\[(.*)\]$/, '$1');
    const made: Made = new Promise((resolve) => {
      this.#connect({hostname, host, protocol, port}, (error, socket) => {
        if (error !== null || this.#isClosed) {
          socket?.destroy();
          this.#forget(made);
          return resolve(error ?? new Error(CLOSED));
        }
        // Servers end what is not used. Whoever takes it brings listeners of its own.
        socket.on('error', () => undefined);
        socket.once('close', () => this.#forget(made));
        socket.setTimeout(this.#unusedMs, end);
        resolve(socket);
      });
    });
    this.#ready.push(made);
  }

  /** Gives the oldest of those that are made or being made; makes one when there is none. As undici wants it. */
  readonly connector: buildConnector.connector = (options, callback) => {
    const made = this.#ready.shift();
    if (made === undefined) return this.#connect(options, callback);
    void made.then((socket) => {
      if (socket instanceof Error) callback(socket, null);
      else if (!socket.destroyed) callback(null, socket.setTimeout(0).off('timeout', end));
      else if (this.#isClosed) callback(new Error(CLOSED), null);
      else this.#connect(options, callback);
    });
  };

  /** Ends all that nobody has taken, also those that are still being made. */
  close(): void {
    this.#isClosed = true;
    for (const made of this.#ready) {
      void made.then((socket) => {
        if (!(socket instanceof Error)) socket.destroy();
      });
    }
  }

  #forget(made: Made): void {
    this.#ready = this.#ready.filter((other) => other !== made);
  }
}
