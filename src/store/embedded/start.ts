import {randomBytes} from 'node:crypto';
import {CLUSTER_NAME} from './ask-server.ts';
import {program, type Binaries} from './binaries.ts';
import {EmbeddedError, USE_YOUR_OWN} from './embedded-error.ts';
import {startKept, type Kept} from './keeper.ts';
import {removeStaleLocks} from './lock-files.ts';
import {handed} from './make-cluster.ts';
import type {Place} from './place.ts';
import {isIntact, runnable} from './runtime.ts';
import {ServerLog} from './server-log.ts';
import {settingArgs} from './settings.ts';
import {firstSeat, removeDeadFifos, type Seat} from './users.ts';

/** One try to start the server, of which Postgres allows one at a time to succeed. */
export class Start {
  /** Names this run of the server, in its `cluster_name`: so we know ours from another's. */
  readonly instance: string;
  readonly #seat: Seat;
  readonly #log: ServerLog;
  readonly #place: Place;
  readonly #binaries: Binaries;
  #hasEnded = false;

  private constructor(instance: string, seat: Seat, log: ServerLog, kept: Kept, place: Place, binaries: Binaries) {
    this.instance = instance;
    this.#seat = seat;
    this.#log = log;
    this.#place = place;
    this.#binaries = binaries;
    void kept.ended.then(() => (this.#hasEnded = true));
  }

  /** @throws EmbeddedError when not even the attempt can be made */
  static async begin(place: Place): Promise<Start> {
    const {layout, user} = place;
    const {cluster} = layout;
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
      return new Start(instance, first.seat, log, kept, place, binaries);
    } catch (error) {
      await log.close();
      throw error;
    }
  }

  /** The server did not come up, or is gone again. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Why, in the server's own words. */
  async failure(): Promise<EmbeddedError> {
    const said = await this.#log.said();
    return new EmbeddedError(
      `the embedded Postgres in ${this.#place.layout.folder} does not start: ${said}. ${USE_YOUR_OWN}`,
    );
  }

  /** It came up; but will it stay whole? If not, drop it and start anew. */
  isIntact(): Promise<boolean> {
    return isIntact(this.#binaries, this.#place.installed, this.#place.layout);
  }

  /** It came up: gives our seat there. */
  async keep(): Promise<Seat> {
    await this.#log.close();
    return this.#seat;
  }

  /** It is not wanted any more: if it runs after all, its keeper now stops it. */
  async drop(): Promise<void> {
    this.#seat.leave();
    await this.#log.close();
  }
}
