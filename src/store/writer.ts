import type {Scope} from '../core/scope.ts';

/** Who writes: the run and scope of a task that is held. */
export interface Writer {
  readonly runId: string;
  readonly sequence: string;
  readonly scopeId: number;
  readonly scope: Scope;
}
