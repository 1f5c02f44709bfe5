import {randomBytes} from 'node:crypto';
import {CLUSTER_NAME} from './ask-server.ts';
import {program, type Binaries} from './binaries.ts';
import {EmbeddedError, USE_YOUR_OWN} from './embedded-error.ts';
import {startKept, type Kept} from './keeper.ts';
import {lastInstance, removeStaleLocks, runningServer} from './lock-files.ts';
import {handed} from './make-cluster.ts';
import type {Place} from './place.ts';
import {isIntact, runnable} from './runtime.ts';
import {ServerLog} from './server-log.ts';
import {settingArgs} from './settings.ts';
import {firstSeat, removeDeadFifos, type Seat} from './users.ts';

interface Begun {
  readonly place: Place;
  /** Names this run of the server, in its `cluster_name`: so we know ours from another's. */
  readonly instance: string;
  /** Name of the run before it. */
  readonly former: string | undefined;
  readonly binaries: Binaries;
  readonly seat: Seat;
  readonly log: ServerLog;
  readonly kept: Kept;
}

/** One try to start the server, of which Postgres allows one at a time to succeed. */
export class Start {
  readonly #begun: Begun;
  #hasEnded = false;

  private constructor(begun: Begun) {
    this.#begun = begun;
    void begun.kept.ended.then(() => (this.#hasEnded = true));
  }

  /**
   * Begins one, unless a server runs there, or is starting or stopping.
   * @throws EmbeddedError when not even the attempt can be made
   */
  static async ifFree(place: Place): Promise<Start | undefined> {
    const {layout, user} = place;
    const {cluster} = layout;
    // In this order, so that a server that is not seen now shows in a later name.
    const former = await lastInstance(cluster);
    if ((await runningServer(cluster)) !== undefined) return undefined;
    const binaries = await runnable(place.installed, layout, user);
    await removeStaleLocks(cluster);
    removeDeadFifos(cluster, Date.now());
    const instance = randomBytes(4).toString('hex');
    const settings = {...place.settings, cluster_name: `${CLUSTER_NAME}${instance}`};
    const command = [program(binaries, 'postgres'), '-D', handed(cluster, user), ...settingArgs(settings)];
    const log = await ServerLog.open(layout.log);
    try {
      const first = await firstSeat(cluster, instance, user);
      const kept = await startKept(first, command, {cluster, instance, user, log: log.fd});
      return new Start({place, instance, former, binaries, seat: first.seat, log, kept});
    } catch (error) {
      await log.close();
      throw error;
    }
  }

  get instance(): string {
    return this.#begun.instance;
  }

  /** The server did not come up, or is gone again. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /**
   * Why it ended, in the server's own words; undefined when nothing is wrong with it: another process started one
   * meanwhile, or took the binaries away.
   */
  async failure(): Promise<EmbeddedError | undefined> {
    const {place, instance, former, log} = this.#begun;
    const last = await lastInstance(place.layout.cluster);
    if (last !== former && last !== instance) return undefined;
    if (!(await this.isIntact())) return undefined;
    const said = await log.said();
    return new EmbeddedError(
      `the embedded Postgres in ${place.layout.folder} does not start: ${said}. ${USE_YOUR_OWN}`,
    );
  }

  /** It came up; but will it stay whole? If not, drop it and start anew. */
  isIntact(): Promise<boolean> {
    const {place, binaries} = this.#begun;
    return isIntact(binaries, place.installed, place.layout);
  }

  /** It came up: gives our seat there. */
  async keep(): Promise<Seat> {
    await this.#begun.log.close();
    return this.#begun.seat;
  }

  /** It is not wanted any more: if it runs after all, its keeper now stops it. */
  async drop(): Promise<void> {
    this.#begun.seat.leave();
    await this.#begun.log.close();
  }
}
