/* eslint-disable no-restricted-syntax -- all of them are within the room, so no direction of imports is hidden */

/**
 * The modules of the commands, each loaded when it is called: what the service, the simulator and the sinks need is half
 * of what there is to load, and a `sync` that finds nothing changed takes hardly longer than loading.
 */
export const load = {
  context: () => import('./context.ts'),
  runNow: () => import('./run-now.ts'),
  check: () => import('./check.ts'),
  demo: () => import('./demo.ts'),
  estimate: () => import('./estimate.ts'),
  exporting: () => import('./export.ts'),
  init: () => import('./init.ts'),
  queue: () => import('./open-queue.ts'),
  purge: () => import('./purge.ts'),
  rejects: () => import('./rejects.ts'),
  replay: () => import('./replay.ts'),
  reset: () => import('./reset.ts'),
  runs: () => import('./runs.ts'),
  simulate: () => import('./simulate.ts'),
  start: () => import('./start.ts'),
  status: () => import('./status.ts'),
  streams: () => import('./streams.ts'),
  sync: () => import('./sync.ts'),
  verify: () => import('./verify.ts'),
};
