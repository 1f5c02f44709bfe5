import {SyncError} from '../core/errors.ts';
import {causeOf} from '../core/outcome.ts';
import {parsed} from '../core/parsed.ts';
import {annotationSearch} from '../source/annotation-search.ts';
import {askForPage, type SourceRecords} from '../source/pages.ts';
import {noteSearchGaps, samplesOfKinds, type KindSample} from '../store/search-gaps.ts';
import type {HeldTask} from '../store/tasks.ts';
import {textMember} from '../streams/member.ts';
import type {Stream} from '../streams/stream.ts';
import type {JobDeps} from './deps.ts';
import {readAnnotationsByKey} from './read-annotations-by-key.ts';

/** Hits asked for: enough for what shares one stamp with the sample, unless a mass change made it. */
const HITS = 1_000;

/**
 * Finds out which kinds of annotations the source's search does not show: whether untrusted, pending and input-level
 * ones are there is documented nowhere (clarifai-api.md, section 15). Looks for one known record of each kind at its own
 * time, a time that the search has had `settle` to catch up with. A kind of which there is nothing such keeps the
 * verdict that it had; while it has none, nothing is known. What the search does not show must be read by the list.
 */
export async function findSearchGaps(
  deps: JobDeps,
  task: HeldTask,
  stream: Stream,
  known: readonly string[] | null,
  signal: AbortSignal,
): Promise<void> {
  const before = new Date((task.sourceTimeMs ?? 0) - deps.rules.settleMs).toISOString();
  const stored = await samplesOfKinds(deps.store, task, stream, before);
  const isHidden = async (sample: KindSample): Promise<boolean> =>
    !(await isFound(deps, task, sample, signal)) && (await isUnchanged(deps, task, stream, sample, signal));
  // All at once: nothing else is left to read by now, and one after the other they would leave the budget unused.
  const verdicts = await Promise.all(
    stored.map(async (of) => {
      if (of.is === 'sampled') return (await isHidden(of.sample)) ? 'hidden' : 'shown';
      if (known?.includes(of.kind) === true) return 'hidden';
      return known === null && of.is === 'too fresh' ? 'unknown' : 'shown';
    }),
  );
  const gaps = stored.filter((_, i) => verdicts[i] === 'hidden').map(({kind}) => kind);
  const isKnown = !verdicts.includes('unknown');
  if (gaps.length > 0) deps.log.warn({stream: stream.name, kinds: gaps.join(', ')}, 'search was found incomplete');
  await noteSearchGaps(deps.store, task, stream, isKnown ? gaps : null);
}

async function isFound(deps: JobDeps, task: HeldTask, sample: KindSample, signal: AbortSignal): Promise<boolean> {
  const call = annotationSearch(task.scope, {from: sample.modifiedAt, to: sample.modifiedAt});
  try {
    return stampOf(await askForPage(deps.client, call, 1, HITS, signal), sample) !== null;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof SyncError && causeOf(error) !== 'unexpected' && causeOf(error) !== 'scope') throw error;
    return false;
  }
}

/** The source still has the sample as it is stored: it should have been found then. */
async function isUnchanged(
  deps: JobDeps,
  task: HeldTask,
  stream: Stream,
  sample: KindSample,
  signal: AbortSignal,
): Promise<boolean> {
  const stamps: (string | null)[] = [];
  await readAnnotationsByKey(deps, task, stream, [{input_id: sample.inputId, id: sample.id}], signal, (records) => {
    stamps.push(stampOf(records, sample));
    return Promise.resolve();
  });
  return stamps.includes(sample.modifiedAt);
}

/** `modified_at` of the sample among these records; null when it is not there. */
function stampOf({bytes, spans}: SourceRecords, {inputId, id}: KindSample): string | null {
  for (let i = 0; i < spans.length; i += 2) {
    const record = parsed(bytes.toString('utf8', spans[i], spans[i + 1]));
    if (textMember(record, 'id') !== id || textMember(record, 'input_id') !== inputId) continue;
    return textMember(record, 'modified_at') ?? '';
  }
  return null;
}
