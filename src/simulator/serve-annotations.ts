import type {Answer} from './answer.ts';
import {gone, invalid, page, single} from './answer.ts';
import type {ApiRequest} from './api-request.ts';
import {isFailure, pageOf} from './api-request.ts';
import type {AppWorld} from './app-world.ts';

/** GET annotations: all of the app, those of `input_ids`, or the pairs of `input_ids` and `ids`. Oldest first. */
export function listAnnotations(world: AppWorld, request: ApiRequest): Answer {
  const {query} = request;
  const wanted = pageOf(query, world.settings);
  if (isFailure(wanted)) return wanted;
  const ids = query.getAll('ids');
  const inputIds = query.getAll('input_ids');
  const users = query.getAll('user_ids');
  const all = query.get('list_all_annotations') === 'true' || users.length > 0;
  if (ids.length > 0 && ids.length !== inputIds.length) return invalid('ids and input_ids must be of equal length');
  const isWanted = (slot: number): boolean =>
    all || world.annotations.isTrusted(slot, world.annotations.all.states.get(slot));
  if (inputIds.length === 0) {
    // Without the untrusted ones a page number says nothing about the place in the list: it is read from its start.
    const slots = all
      ? world.annotations.all.order.slice(wanted.offset, wanted.perPage)
      : filtered(world.annotations.all.order, isWanted, wanted.offset, wanted.perPage);
    return annotationsPage(world, slots);
  }
  const candidates = ids.length > 0 ? pairs(world, inputIds, ids) : ofInputs(world, inputIds);
  const slots = candidates
    .filter(isWanted)
    .sort((a, b) => world.annotations.all.positionOf(a) - world.annotations.all.positionOf(b));
  return annotationsPage(world, slots.slice(wanted.offset, wanted.offset + wanted.perPage));
}

/** GET inputs/{input_id}/annotations/{id}. */
export function getAnnotation(world: AppWorld, inputId: string, id: string): Answer {
  const slot = world.annotations.find(inputId, id);
  return slot === undefined ? gone(`Annotation '${id}'`) : single('annotation', world.annotations.render(slot));
}

function annotationsPage(world: AppWorld, slots: readonly number[]): Answer {
  const mixed = slots.some((slot) => world.annotations.status(slot, world.annotations.all.states.get(slot)) === 24152);
  return page(
    'annotations',
    slots.map((slot) => world.annotations.render(slot)),
    {mixed},
  );
}

function ofInputs(world: AppWorld, inputIds: readonly string[]): number[] {
  const slots: number[] = [];
  for (const inputId of new Set(inputIds)) {
    const input = world.inputs.all.find(inputId);
    if (input !== undefined) slots.push(...world.annotations.ofInput(input));
  }
  return slots;
}

function pairs(world: AppWorld, inputIds: readonly string[], ids: readonly string[]): number[] {
  const slots = new Set<number>();
  for (const [i, id] of ids.entries()) {
    const slot = world.annotations.find(inputIds[i] as string, id);
    if (slot !== undefined) slots.add(slot);
  }
  return [...slots];
}

/** A page of those that pass. */
export function filtered(
  slots: Iterable<number>,
  passes: (slot: number) => boolean,
  offset: number,
  count: number,
): number[] {
  const found: number[] = [];
  let skipped = 0;
  for (const slot of slots) {
    if (!passes(slot) || skipped++ < offset) continue;
    if (found.push(slot) === count) break;
  }
  return found;
}
