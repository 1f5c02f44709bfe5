import {UsageError} from '../core/errors.ts';
import type {AppWorld} from './app-world.ts';
import {touchAnnotation} from './change-annotations.ts';
import type {ChangeOf, ChangeResult} from './changes.ts';
import type {InputState} from './render-input.ts';

/** Adds inputs at the end of the list, or before another one. */
export function addInputs(world: AppWorld, change: ChangeOf<'addInputs'>): ChangeResult {
  const wanted = change.ids ?? Array.from({length: change.count ?? 1}, () => undefined);
  const taken = change.ids?.find((id, i) => world.inputs.all.find(id) !== undefined || change.ids?.indexOf(id) !== i);
  if (taken !== undefined) throw new UsageError(`input '${taken}' exists already`);
  const place = change.before === undefined ? undefined : placeBefore(world, change.before, wanted.length);
  const ids = wanted.map((id, i) => {
    const now = world.clock.nowUs();
    const state: InputState = {
      revision: 0,
      createdUs: place === undefined ? now : place.createdUs,
      modifiedUs: now,
      statusCode: change.statusCode ?? 30000,
      media: change.media,
      metadata: change.metadata === undefined ? undefined : JSON.stringify(change.metadata),
    };
    const position = place === undefined ? undefined : place.first + i * place.step;
    return world.inputs.all.idOf(world.inputs.add(state, {id, position}));
  });
  if (ids.length > 0) world.moveMarker();
  return {ids};
}

/** Edits an input, and the input-level annotation that holds its metadata in the real thing. */
export function editInput(world: AppWorld, change: ChangeOf<'editInput'>): ChangeResult {
  const slot = inputSlot(world, change.id);
  const now = world.clock.nowUs();
  const metadata = change.metadata === undefined ? undefined : JSON.stringify(change.metadata);
  world.inputs.change(slot, {modifiedUs: now, metadata, raw: undefined});
  if (change.annotationToo !== false) {
    const {annotations} = world;
    const level = annotations.ofInput(slot).find((at) => annotations.isInputLevel(at, annotations.all.states.get(at)));
    if (level !== undefined) touchAnnotation(world, level, {modifiedUs: now, metadata: world.inputs.metadata(slot)});
  }
  world.moveMarker();
  return {ids: [change.id]};
}

/** Moves an input to another status, as the end of a download does. */
export function setInputStatus(world: AppWorld, change: ChangeOf<'setInputStatus'>): ChangeResult {
  const {statusCode} = change;
  world.inputs.change(inputSlot(world, change.id), {statusCode, modifiedUs: world.clock.nowUs(), raw: undefined});
  world.moveMarker();
  return {ids: [change.id]};
}

/** Deletes inputs with all that belongs to them, now or after some more requests. */
export function deleteInputs(world: AppWorld, change: ChangeOf<'deleteInputs'>): ChangeResult {
  const slots = change.ids.map((id) => inputSlot(world, id));
  for (const slot of slots) {
    if (change.lingerRequests === undefined) world.removeInput(slot);
    else world.removeInputLater(slot, change.lingerRequests);
  }
  if (slots.length > 0) world.moveMarker();
  return {ids: change.ids};
}

/** Adds an input under the id of one that is gone. */
export function restoreInput(world: AppWorld, change: ChangeOf<'restoreInput'>): ChangeResult {
  if (world.inputs.all.findEver(change.id) === undefined)
    throw new UsageError(`there never was an input '${change.id}'`);
  return addInputs(world, {kind: 'addInputs', ids: [change.id], metadata: change.metadata});
}

/** Slot of a living input. Throws a UsageError when there is none. */
export function inputSlot(world: AppWorld, id: string): number {
  const slot = world.inputs.all.find(id);
  if (slot === undefined) throw new UsageError(`no input '${id}'`);
  return slot;
}

/** Positions between an input and the one before it. */
function placeBefore(world: AppWorld, id: string, count: number): {first: number; step: number; createdUs: number} {
  const slot = inputSlot(world, id);
  const {order} = world.inputs.all;
  const end = world.inputs.all.positionOf(slot);
  const rank = order.rank(end);
  const previous = rank === 0 ? undefined : order.slice(rank - 1, 1)[0];
  const start = previous === undefined ? end - 1 : world.inputs.all.positionOf(previous);
  const step = (end - start) / (count + 1);
  // Places between two inputs run out after some fifty halvings.
  if (!(start < start + step && start + step * count < end)) throw new UsageError(`no place left before '${id}'`);
  return {first: start + step, step, createdUs: world.inputs.createdUs(slot)};
}
