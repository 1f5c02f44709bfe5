import {
  SourceNotOfferedError,
  SourcePagingCapError,
  SourceRefusedError,
  SourceScopeError,
} from '../core/source-errors.ts';
import type {Stream} from '../streams/stream.ts';
import type {JobDeps} from './deps.ts';

/** The API said no to this very request: another way may be open. */
export const isRefusal = (error: unknown): boolean =>
  error instanceof SourceNotOfferedError ||
  error instanceof SourceScopeError ||
  error instanceof SourceRefusedError ||
  error instanceof SourcePagingCapError;

/** What belongs to another stream, which has its own say on whether it is offered. */
export async function unlessRefused({log}: JobDeps, stream: Stream, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isRefusal(error)) throw error;
    log.warn({stream: stream.name, err: error}, 'what another stream told of was not read');
  }
}
