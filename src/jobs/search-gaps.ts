import {annotationSearch} from '../source/annotation-search.ts';
import {askForPage} from '../source/pages.ts';
import {newestOfKind, noteSearchGaps, type KindSample} from '../store/search-gaps.ts';
import type {HeldTask} from '../store/tasks.ts';
import {textMember} from '../streams/member.ts';
import type {Stream} from '../streams/stream.ts';
import type {JobDeps} from './deps.ts';
import {SyncError} from '../core/errors.ts';
import {causeOf} from '../core/outcome.ts';

/** Hits asked for: enough for what shares one stamp with the sample, unless a mass change made it. */
const HITS = 1_000;

/**
 * Finds out which kinds of annotations the source's search does not show: whether untrusted, pending and input-level
 * ones are there is documented nowhere (clarifai-api.md, section 15). Looks for one known record of each kind at its own
 * time. What the search does not show must be read by the list.
 */
export async function searchHasGaps(
  deps: JobDeps,
  task: HeldTask,
  stream: Stream,
  signal: AbortSignal,
): Promise<void> {
  const gaps: string[] = [];
  for (const sample of await newestOfKind(deps.store, task, stream)) {
    if (!(await isFound(deps, task, sample, signal))) gaps.push(sample.kind);
  }
  if (gaps.length > 0) deps.log.warn({stream: stream.name, kinds: gaps.join(', ')}, 'search was found incomplete');
  await noteSearchGaps(deps.store, task, stream, gaps);
}

async function isFound(deps: JobDeps, task: HeldTask, sample: KindSample, signal: AbortSignal): Promise<boolean> {
  const call = annotationSearch(task.scope, {from: sample.modifiedAt, to: sample.modifiedAt});
  try {
    const {bytes, spans} = await askForPage(deps.client, call, 1, HITS, signal);
    for (let i = 0; i < spans.length; i += 2) {
      const hit: unknown = JSON.parse(bytes.toString('utf8', spans[i], spans[i + 1]));
      if (textMember(hit, 'id') === sample.id && textMember(hit, 'input_id') === sample.inputId) return true;
    }
    return false;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof SyncError && causeOf(error) !== 'unexpected' && causeOf(error) !== 'scope') throw error;
    return false;
  }
}
