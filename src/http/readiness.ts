import {messageOf} from '../core/errors.ts';
import type {Sink} from '../sinks/sink.ts';
import {shared} from './shared.ts';

export interface ReadinessParts {
  /** Each rejects when what it asks does not answer. */
  readonly store: () => Promise<unknown>;
  readonly queue: () => Promise<unknown>;
  /** By name. */
  readonly sinks: ReadonlyMap<string, Sink>;
}

/** What does not answer, and why. */
export interface Missing {
  readonly name: string;
  readonly message: string;
}

/** A sink is probed by writing to it: this often at most, ms. */
const PROBE_EVERY_MS = 60_000;

/** Looks whether store, queue and every sink answer; empty: they do. */
export function readiness({store, queue, sinks}: ReadinessParts): (signal: AbortSignal) => Promise<readonly Missing[]> {
  const probes = [...sinks].map(([name, sink]) => {
    const probe = shared(() => sink.check(AbortSignal.timeout(PROBE_EVERY_MS)), PROBE_EVERY_MS, Date.now);
    return {name: `sink ${name}`, probe};
  });
  return async (signal) => {
    const asked = [{name: 'store', probe: store}, {name: 'queue', probe: queue}, ...probes];
    const found = await Promise.all(
      asked.map(async ({name, probe}) => ({name, message: await answerOf(probe, signal)})),
    );
    return found.flatMap(({name, message}) => (message === null ? [] : [{name, message}]));
  };
}

/** Null when it answers before the signal is aborted. */
async function answerOf(probe: () => Promise<unknown>, signal: AbortSignal): Promise<string | null> {
  const late = new Promise<string>((resolve) => {
    signal.addEventListener('abort', () => resolve('does not answer'), {once: true});
  });
  return await Promise.race([probe().then(() => null, messageOf), late]);
}
