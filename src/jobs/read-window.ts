import {comparableInstant} from '../core/instant.ts';
import {parsed} from '../core/parsed.ts';
import {isWholeText} from '../core/repair.ts';
import {SourcePagingCapError} from '../core/source-errors.ts';
import {parts, searchesSince, watermarkOf, type Search, type Watermark, type Window} from '../core/window.ts';
import {annotationSearch} from '../source/annotation-search.ts';
import {numberedPages} from '../source/numbered-pages.ts';
import type {SourcePage, SourceRecords} from '../source/pages.ts';
import {moveWatermark} from '../store/stream-states.ts';
import type {HeldTask} from '../store/tasks.ts';
import {noteInputsOfChangedAmong, noteWantedInputs} from '../store/wanted.ts';
import type {Stream} from '../streams/stream.ts';
import {member, textMember} from '../streams/member.ts';
import type {JobDeps} from './deps.ts';
import {PageGroups} from './page-groups.ts';
import {readAnnotationsByKey} from './read-annotations-by-key.ts';

/** Stamps may run ahead of the clock in the Date header by this much and still be found. */
const AHEAD_MS = 60 * 60 * 1000;

/**
 * Reads the annotations that were last updated since the watermark, and moves it once all of them have been read. A
 * window that is too full for the search is parted. Inputs whose input-level annotations are among them are noted: their
 * own records may have changed too.
 * @returns false when a window was too full and cannot be parted, or names a record that cannot be asked for: what it
 *   holds must be read another way
 */
export async function readWindow(
  deps: JobDeps,
  task: HeldTask,
  stream: Stream,
  watermark: Watermark,
  signal: AbortSignal,
): Promise<boolean> {
  const {settleMs} = deps.rules;
  const seen: Seen = {newest: watermark.at, times: [], pageSize: deps.rules.pageSizeOf(stream)};
  const until = new Date(Math.max(Date.parse(watermark.at), task.sourceTimeMs ?? 0) + AHEAD_MS).toISOString();
  const open = [...searchesSince(watermark, until, settleMs)].reverse();
  for (let search = open.pop(); search !== undefined; search = open.pop()) {
    try {
      await readOne(deps, task, stream, search, seen, signal);
    } catch (error) {
      if (error instanceof NamelessError) return false;
      if (!(error instanceof TooFullError)) throw error;
      const two = parts(search.window, seen.times);
      // All of it is read another way then: what is left to search would be asked for in vain.
      if (two === null) return false;
      open.push({window: two[1], isGlance: false}, {window: two[0], isGlance: false});
    }
  }
  const next = watermarkOf(seen.newest, task.sourceTimeMs, settleMs);
  if (next !== null) await moveWatermark(deps.store, task, stream, next);
  return true;
}

interface Seen {
  /** Newest modified_at by now, RFC 3339. */
  newest: string;
  /** Times of the hits of the present window, epoch ms; no more than the cap lets through. */
  times: number[];
  /** Halved when the cap is lower than one page. */
  pageSize: number;
}

/** A window holds more than the search can be paged through. */
class TooFullError extends Error {}

/** A hit only names its record, by a key that cannot be asked for. */
class NamelessError extends Error {}

async function readOne(
  deps: JobDeps,
  task: HeldTask,
  stream: Stream,
  {window, isGlance}: Search,
  seen: Seen,
  signal: AbortSignal,
): Promise<void> {
  const groups = new PageGroups(deps, task, stream, []);
  const glanced: string[] = [];
  try {
    for await (const page of searchPages(deps, task, window, seen, signal)) {
      const {whole, bare, touched} = sortHits(page, seen);
      await groups.add({...page, spans: whole}, {kind: 'none'});
      await readAnnotationsByKey(deps, task, stream, bare, signal, async (records) => {
        touched.push(...sortHits(records, seen).touched);
        await groups.add(records, {kind: 'none'});
      });
      if (isGlance) {
        glanced.push(...touched);
        break;
      }
      await noteWantedInputs(deps.store, task, touched);
    }
  } finally {
    await groups.flush();
  }
  // What a glance sees again was read, and its input with it, while the watermark had not settled.
  await noteInputsOfChangedAmong(deps.store, task, glanced);
}

/** A cap that comes this early says more about the size of the pages than about the window. */
const FEW_PAGES = 3;

/**
 * The pages of a window, on to the empty one. Where the cap comes within the first few, pages are made smaller, for the
 * windows to come too; what was read is read again then.
 * @throws TooFullError when the cap comes later; SourcePagingCapError when it leaves not even pages of one record
 */
async function* searchPages(
  deps: JobDeps,
  task: HeldTask,
  window: Window,
  seen: Seen,
  signal: AbortSignal,
): AsyncGenerator<SourcePage> {
  for (;;) {
    const options = {from: null, pageSize: seen.pageSize};
    let pages = 0;
    seen.times = [];
    try {
      for await (const page of numberedPages(deps.client, annotationSearch(task.scope, window), options, signal)) {
        pages++;
        yield page;
      }
      return;
    } catch (error) {
      if (!(error instanceof SourcePagingCapError)) throw error;
      if (pages >= FEW_PAGES || (pages > 0 && seen.pageSize === 1)) {
        throw new TooFullError('the window is too full', {cause: error});
      }
      if (seen.pageSize === 1) throw error;
      seen.pageSize >>= 1;
    }
  }
}

/**
 * Tells hits that hold the whole record from those that only name it (both are seen: clarifai-api.md, 14.14): the
 * latter are read again by key, or a bare record would take the place of a whole one. `touched`: inputs at whose level
 * one of them is.
 */
function sortHits({bytes, spans}: SourceRecords, seen: Seen) {
  const whole: number[] = [];
  const bare: {input_id: string; id: string}[] = [];
  const touched: string[] = [];
  for (let i = 0; i < spans.length; i += 2) {
    const [start, end] = [spans[i] as number, spans[i + 1] as number];
    const annotation = parsed(bytes.toString('utf8', start, end));
    const inputId = textMember(annotation, 'input_id');
    const id = textMember(annotation, 'id');
    if (inputId !== undefined && isWholeText(inputId) && member(annotation, 'input_level') === true)
      touched.push(inputId);
    const modified = textMember(annotation, 'modified_at') ?? '';
    // What is no time would be kept as a watermark that nothing can be searched from.
    if (comparableInstant(modified) !== null) {
      seen.times.push(Date.parse(modified));
      if (Date.parse(modified) > Date.parse(seen.newest)) seen.newest = modified;
    }
    const isWhole = member(annotation, 'data') !== undefined && member(annotation, 'created_at') !== undefined;
    if (isWhole || inputId === undefined || id === undefined) whole.push(start, end);
    else if (!isWholeText(inputId) || !isWholeText(id)) throw new NamelessError('a hit cannot be asked for by its key');
    else bare.push({input_id: inputId, id});
  }
  return {whole: Int32Array.from(whole), bare, touched};
}
