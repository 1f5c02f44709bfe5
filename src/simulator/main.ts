import {UsageError} from '../core/errors.ts';
import {A_FEW} from './resources/all-resources.ts';
import type {Simulator} from './simulator.ts';
import {startSimulator} from './simulator.ts';

/** Flags of the command `simulate`, as a command line gives them: text, or numbers already. */
export interface SimulateFlags {
  readonly port?: string | number;
  readonly host?: string;
  readonly inputs?: string | number;
  readonly annotations?: string | number;
  readonly datasets?: string | number;
  readonly versions?: string | number;
  readonly concepts?: string | number;
  readonly seed?: string | number;
  /** Wait before each answer, ms. */
  readonly latency?: string | number;
  /** Requests let through in any sliding second. */
  readonly rate?: string | number;
  readonly pat?: string;
  readonly userId?: string;
  readonly appId?: string;
}

/** Starts the simulator that these flags describe. The caller closes it. Throws a UsageError for a bad flag. */
export async function runSimulator(flags: SimulateFlags): Promise<Simulator> {
  const inputs = numberOf('inputs', flags.inputs);
  const options = {
    port: numberOf('port', flags.port) ?? 8787,
    host: flags.host,
    inputs,
    annotations: numberOf('annotations', flags.annotations) ?? (inputs === undefined ? undefined : inputs * 4),
    datasets: numberOf('datasets', flags.datasets),
    versionsPerDataset: numberOf('versions', flags.versions),
    concepts: numberOf('concepts', flags.concepts),
    seed: flags.seed,
    pat: flags.pat,
    userId: flags.userId,
    appId: flags.appId,
    resources: A_FEW,
    settings: {
      latencyMs: numberOf('latency', flags.latency) ?? 0,
      requestsPerSecond: numberOf('rate', flags.rate) ?? 0,
    },
  };
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return await startSimulator(Object.fromEntries(given));
}

function numberOf(flag: string, value: string | number | undefined): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!Number.isInteger(number) || number < 0)
    throw new UsageError(`--${flag} must be a whole number, 0 or more, not '${value}'`);
  return number;
}
