import {SourcePagingCapError} from '../core/source-errors.ts';
import {halves, searchesSince, watermarkOf, type Search, type Watermark} from '../core/window.ts';
import {annotationSearch} from '../source/annotation-search.ts';
import {numberedPages} from '../source/numbered-pages.ts';
import type {SourceRecords} from '../source/pages.ts';
import {moveWatermark} from '../store/stream-states.ts';
import type {HeldTask} from '../store/tasks.ts';
import type {Stream} from '../streams/stream.ts';
import {member, textMember} from '../streams/member.ts';
import type {JobDeps} from './deps.ts';
import {PageGroups} from './page-groups.ts';
import {readAnnotationsByKey} from './read-annotations-by-key.ts';

/** Stamps may run ahead of the clock in the Date header by this much and still be found. */
const AHEAD_MS = 60 * 60 * 1000;

export interface WindowResult {
  /** False: a window was too full and cannot be halved; what it holds must be read another way. */
  readonly isComplete: boolean;
  /** Inputs whose input-level annotations changed: their own records may have changed too. */
  readonly touchedInputs: readonly string[];
}

/**
 * Reads the annotations that were last updated since the watermark, and moves it once all of them have been read. A
 * window that is too full for the search is halved.
 */
export async function readWindow(
  deps: JobDeps,
  task: HeldTask,
  stream: Stream,
  watermark: Watermark,
  signal: AbortSignal,
): Promise<WindowResult> {
  const {settleMs} = deps.rules;
  const seen: Seen = {touched: new Set(), newest: watermark.at};
  const until = new Date(Math.max(Date.parse(watermark.at), task.sourceTimeMs ?? 0) + AHEAD_MS).toISOString();
  const open = [...searchesSince(watermark, until, settleMs)].reverse();
  let isComplete = true;
  for (let search = open.pop(); search !== undefined; search = open.pop()) {
    try {
      await readOne(deps, task, stream, search, seen, signal);
    } catch (error) {
      if (!(error instanceof SourcePagingCapError)) throw error;
      const parts = halves(search.window);
      if (parts === null) isComplete = false;
      else open.push({window: parts[1], isGlance: false}, {window: parts[0], isGlance: false});
    }
  }
  const next = watermarkOf(seen.newest, task.sourceTimeMs, settleMs);
  if (isComplete && next !== null) await moveWatermark(deps.store, task, stream, next);
  return {isComplete, touchedInputs: [...seen.touched]};
}

interface Seen {
  readonly touched: Set<string>;
  /** Newest modified_at by now, RFC 3339. */
  newest: string;
}

async function readOne(
  deps: JobDeps,
  task: HeldTask,
  stream: Stream,
  {window, isGlance}: Search,
  seen: Seen,
  signal: AbortSignal,
): Promise<void> {
  const groups = new PageGroups(deps, task, stream, []);
  const options = {from: null, pageSize: deps.rules.pageSizeOf(stream)};
  const bare: {input_id: string; id: string}[] = [];
  try {
    for await (const page of numberedPages(deps.client, annotationSearch(task.scope, window), options, signal)) {
      const {whole, partial} = sortHits(page, seen);
      bare.push(...partial);
      await groups.add({...page, spans: whole}, {kind: 'none'});
      if (isGlance) break;
    }
    await readAnnotationsByKey(deps, task, stream, bare, groups, signal);
  } finally {
    await groups.flush();
  }
}

/**
 * Tells hits that hold the whole record from those that only name it (both are seen: clarifai-api.md, 14.14): the
 * latter are read again by key, or a bare record would take the place of a whole one.
 */
function sortHits({bytes, spans}: SourceRecords, seen: Seen) {
  const whole: number[] = [];
  const partial: {input_id: string; id: string}[] = [];
  for (let i = 0; i < spans.length; i += 2) {
    const [start, end] = [spans[i] as number, spans[i + 1] as number];
    const annotation = parsed(bytes.toString('utf8', start, end));
    const inputId = textMember(annotation, 'input_id');
    const id = textMember(annotation, 'id');
    if (inputId !== undefined && member(annotation, 'input_level') === true) seen.touched.add(inputId);
    const modified = textMember(annotation, 'modified_at') ?? '';
    if (Date.parse(modified) > Date.parse(seen.newest)) seen.newest = modified;
    const isWhole = member(annotation, 'data') !== undefined && member(annotation, 'created_at') !== undefined;
    if (isWhole || inputId === undefined || id === undefined) whole.push(start, end);
    else partial.push({input_id: inputId, id});
  }
  return {whole: Int32Array.from(whole), partial};
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
