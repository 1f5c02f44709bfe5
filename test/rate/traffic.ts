import type {Simulator} from '../../src/simulator/simulator.ts';

const PROBE_MS = 10;
/** Who wakes up later than this drops its slot (core/gcra.ts). */
const TOO_LATE_MS = 20;
/** A machine on which more timers than this share are that late is held up. */
const MOST_LATE = 0.003;
/** What the headroom leaves for the way from the slot to the simulator: who stands still for longer meets those behind. */
const STOOD_STILL_MS = 50;

/**
 * Watches, until it is asked, how late this process's timers fire. It is the simulator's process too: what arrives while
 * it stands still is seen late.
 */
export function watchLateness(): () => {isHeldUp: boolean; stoodStill: boolean} {
  let [fired, late, mostMs, dueMs] = [0, 0, 0, performance.now() + PROBE_MS];
  const timer = setInterval(() => {
    const lateMs = performance.now() - dueMs;
    fired += 1;
    if (lateMs > TOO_LATE_MS) late += 1;
    mostMs = Math.max(mostMs, lateMs);
    dueMs = performance.now() + PROBE_MS;
  }, PROBE_MS);
  return () => {
    clearInterval(timer);
    return {isHeldUp: late / fired > MOST_LATE, stoodStill: mostMs > STOOD_STILL_MS};
  };
}

/**
 * Requests in each second while there was work: between the first and the last page of annotations that holds any, less
 * `edgeMs` at both ends. Before it a run starts, after it it asks for one thing after the other.
 */
export function busySeconds(simulator: Simulator, edgeMs: number): number[] {
  const all = simulator.requests();
  const times = all.map(({monotonicMs}) => monotonicMs);
  const pages = all.filter(({path, query}) => /\/annotations$/.test(path) && /page=/.test(query));
  const [first, last] = [(pages[0]?.monotonicMs ?? 0) + edgeMs, (pages.at(-2)?.monotonicMs ?? 0) - edgeMs];
  return Array.from({length: Math.floor((last - first) / 1000)}, (_, second) => {
    const fromMs = first + second * 1000;
    return times.filter((atMs) => atMs >= fromMs && atMs < fromMs + 1000).length;
  });
}

export const medianOf = (seconds: readonly number[]): number =>
  [...seconds].sort((a, b) => a - b)[seconds.length >> 1] ?? NaN;

export const meanOf = (seconds: readonly number[]): number =>
  seconds.reduce((sum, requests) => sum + requests, 0) / seconds.length;
