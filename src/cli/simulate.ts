import {once} from 'node:events';
import {UsageError} from '../core/errors.ts';
import {runSimulator, type SimulateFlags} from '../simulator/main.ts';
import type {Context} from './context.ts';

/** Runs the simulator until a signal ends it. The first line is for people, the others are to be copied. */
export async function simulate(context: Context, flags: SimulateFlags): Promise<number> {
  const {out, signal} = context.surroundings;
  const simulator = await runSimulator(flags).catch((error: unknown) => {
    throw listenError(error, flags);
  });
  context.defer(() => simulator.close());
  const count = (stream: 'inputs' | 'annotations'): number => simulator.world()[stream].all.order.size;
  out(`# a simulated Clarifai app with ${count('inputs')} inputs and ${count('annotations')} annotations`);
  out(`export CLARIFAI_API_BASE=${simulator.url}`);
  out(`export CLARIFAI_USER_ID=${simulator.userId}`);
  out(`export CLARIFAI_APP_ID=${simulator.appId}`);
  out(`export CLARIFAI_PAT=${simulator.pat}`);
  out('# it runs until you press Ctrl-C');
  if (!signal.aborted) await once(signal, 'abort');
  throw signal.reason;
}

/** A port that is taken or not ours to take is the caller's to change. */
function listenError(error: unknown, {port, host}: SimulateFlags): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (!['EADDRINUSE', 'EACCES', 'EADDRNOTAVAIL', 'ENOTFOUND'].includes(code)) return error;
  const where = `${host ?? '127.0.0.1'}:${port ?? 8787}`;
  return new UsageError(`the simulator cannot listen on ${where} (${code}): choose another with --port, 0 for any`);
}
