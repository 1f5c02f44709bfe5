import type {AnnotationTable} from './annotation-table.ts';
import {SEEDED_EDIT_US} from './annotation-table.ts';
import type {Answer} from './answer.ts';
import {failure, invalid, page} from './answer.ts';
import type {ApiRequest} from './api-request.ts';
import {isFailure, member, pageFrom} from './api-request.ts';
import type {AppWorld} from './app-world.ts';
import type {Moment} from './instant.ts';
import {compareToMoment, instantText, parseMoment} from './instant.ts';
import {hex8, seedFrom} from './random.ts';
import type {RecordText} from './record.ts';
import type {AnnotationState} from './render-annotation.ts';

const PENDING = new Set([24151, 24157, 24159]);

interface Range {
  readonly start: Moment | null;
  readonly end: Moment | null;
}

/** An annotation in the version that search shows. */
interface Found {
  readonly slot: number;
  readonly state: AnnotationState | undefined;
}

/** POST annotations/searches with time ranges, both ends included, and paging in the body up to the cap. */
export function searchAnnotations(world: AppWorld, request: ApiRequest): Answer {
  const pagination = member(request.body, 'pagination');
  const wanted = pageFrom(member(pagination, 'page'), member(pagination, 'per_page'), world.settings);
  if (isFailure(wanted)) return wanted;
  const {pagingCap} = world.settings;
  if (pagingCap > 0 && wanted.page * wanted.perPage > pagingCap) {
    return failure(400, 40002, 'Invalid search request', `page * perPage cannot exceed ${pagingCap}`);
  }
  const ranges = rangesOf(request.body);
  if (typeof ranges === 'string') return invalid(ranges);
  const hits: RecordText[] = [];
  let skipped = 0;
  for (const found of search(world, ranges)) {
    if (skipped++ < wanted.offset) continue;
    hits.push(hitText(world, found));
    if (hits.length === wanted.perPage) break;
  }
  const id = hex8(seedFrom(JSON.stringify(member(request.body, 'searches')))) + hex8(world.owner.seed);
  return page('hits', hits, {lead: `"id":"${id}",`});
}

/** Seeded annotations in the order of adding, then those that were added or edited. */
function* search(world: AppWorld, ranges: readonly Range[]): Generator<Found> {
  const {annotations} = world;
  const {states, order} = annotations.all;
  const startUs = Math.max(...ranges.map((range) => range.start?.us ?? 0), 0);
  const endUs = Math.min(...ranges.map((range) => range.end?.us ?? Number.MAX_SAFE_INTEGER));
  const from = order.rank(annotations.firstPositionFrom(startUs - SEEDED_EDIT_US));
  for (let offset = from; offset < order.size; offset += 500) {
    const slots = order.slice(offset, 500);
    for (const slot of slots) {
      if (!states.has(slot) && matches(world, {slot, state: undefined}, ranges)) yield {slot, state: undefined};
    }
    const last = slots.at(-1) as number;
    if (last >= annotations.all.base || annotations.createdUs(last, undefined) > endUs + 2e6) break;
  }
  const nowMs = world.clock.nowMs();
  for (const [slot, current] of states) {
    const isShown = current.visibleAtMs === undefined || current.visibleAtMs <= nowMs;
    if (!isShown && current.before === null) continue;
    const state = isShown ? current : (current.before ?? undefined);
    if (matches(world, {slot, state}, ranges)) yield {slot, state};
  }
}

function matches(world: AppWorld, {slot, state}: Found, ranges: readonly Range[]): boolean {
  const {annotations, settings} = world;
  const modified = annotations.modifiedUs(slot, state);
  for (const {start, end} of ranges) {
    if (start !== null && compareToMoment(modified, start) < 0) return false;
    if (end !== null && compareToMoment(modified, end) > 0) return false;
  }
  if (!settings.searchCoversUntrusted && !annotations.isTrusted(slot, state)) return false;
  if (!settings.searchCoversInputLevel && annotations.isInputLevel(slot, state)) return false;
  return settings.searchCoversPending || !PENDING.has(annotations.status(slot, state));
}

function hitText(world: AppWorld, found: Found): RecordText {
  const {annotations, inputs, owner, settings} = world;
  const input = annotations.inputSlot(found.slot);
  const inputText = `{"id":${JSON.stringify(inputs.all.idOf(input))},"created_at":"${instantText(inputs.createdUs(input))}","modified_at":"${instantText(inputs.modifiedUs(input))}","status":{"code":${inputs.status(input)}}}`;
  const start = `{"score":1,"input":${inputText},"annotation":`;
  const end = `,"user_id":${owner.userJson},"app_id":${owner.appJson}}`;
  const text =
    settings.searchHits === 'bare'
      ? bareText(annotations, inputs.all.idOf(input), found)
      : annotations.render(found.slot, found.state);
  return typeof text === 'string' ? start + text + end : Buffer.concat([Buffer.from(start), text, Buffer.from(end)]);
}

function bareText(annotations: AnnotationTable, inputId: string, {slot, state}: Found): string {
  const modified = instantText(annotations.modifiedUs(slot, state));
  return `{"id":${JSON.stringify(annotations.all.idOf(slot))},"input_id":${JSON.stringify(inputId)},"modified_at":"${modified}","status":{"code":${annotations.status(slot, state)}}}`;
}

/** The time ranges of all filters, all of which must hold; a sentence when something cannot be read. */
function rangesOf(body: unknown): Range[] | string {
  const ranges: Range[] = [];
  const searches = member(body, 'searches');
  if (!Array.isArray(searches) || searches.length !== 1) return 'exactly one search must be given';
  const filters = member(member(searches[0], 'query'), 'filters');
  if (filters !== undefined && !Array.isArray(filters)) return 'filters must be a list';
  for (const filter of filters ?? []) {
    const range = member(filter, 'last_updated_time_range');
    if (range === undefined) return 'only last_updated_time_range filters are simulated';
    const [start, end] = [momentOf(member(range, 'start_time')), momentOf(member(range, 'end_time'))];
    if (start === undefined || end === undefined) return 'start_time and end_time must be RFC 3339 times';
    ranges.push({start, end});
  }
  return ranges;
}

function momentOf(value: unknown): Moment | null | undefined {
  if (value === undefined || value === null) return null;
  return typeof value === 'string' ? (parseMoment(value) ?? undefined) : undefined;
}
