import {UsageError} from '../core/errors.ts';
import {openRejectCount, scopesToReplay} from '../store/replayable.ts';
import {streamNamed} from '../streams/catalogue.ts';
import type {Context} from './context.ts';
import {NOTHING_SYNCED, storeToRead} from './read-store.ts';
import {openForRuns, optionsOf, runAndTell} from './run-now.ts';

export interface ReplayFlags {
  readonly stream?: readonly string[];
  readonly json?: boolean;
}

/** Tries again to store what was rejected, with a run for each scope that has any. Gives the exit code of these runs. */
export async function replay(context: Context, flags: ReplayFlags): Promise<number> {
  const streams = flags.stream?.map((name) => streamNamed(name).name) ?? null;
  const config = await context.config(['pat']);
  const {out, err} = context.surroundings;
  const asked = await storeToRead(context, config);
  if (asked === null) throw new UsageError(NOTHING_SYNCED);
  const scopes = await scopesToReplay(asked, streams);
  if (scopes.length === 0) {
    if (flags.json === true) out('[]');
    else out('no record is waiting to be stored');
    return 0;
  }
  const before = await openRejectCount(asked, streams);
  const opened = await openForRuns(context, config);
  const requests = scopes.map(({scope, streams: names}) => ({
    scope,
    mode: 'incremental' as const,
    options: {
      streams: names,
      named: true,
      allowMassDelete: false,
      ...optionsOf(config),
      wantsSnapshot: false,
      takeOver: false,
      replays: true,
    },
  }));
  const code = await runAndTell(context, config, opened, requests, flags.json === true);
  const left = await openRejectCount(asked, streams);
  err(`${before - left} of ${before} rejected records are stored or outlived now; ${left} are left\n`);
  return code;
}
