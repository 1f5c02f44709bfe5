import {UsageError} from '../core/errors.ts';
import type {AppWorld} from './app-world.ts';
import type {ChangeOf, ChangeResult} from './changes.ts';
import type {Collection} from './collection.ts';

/** Adds a bulk operation: pending unless told otherwise. */
export function addBulkOperation(world: AppWorld, change: ChangeOf<'addBulkOperation'>): ChangeResult {
  const {all} = world.bulkOperations;
  const now = world.clock.nowUs();
  const operation = change.operation === undefined ? undefined : JSON.stringify(change.operation);
  const {statusCode = 25402} = change;
  const state = {revision: 0, createdUs: now, modifiedUs: now, statusCode, processed: 0, operation};
  return {ids: [all.idOf(all.add(state, {id: change.id}))]};
}

/** Moves a bulk operation on. */
export function editBulkOperation(world: AppWorld, change: ChangeOf<'editBulkOperation'>): ChangeResult {
  const {all} = world.bulkOperations;
  const slot = slotIn(all, change.id, 'bulk operation');
  const state = all.states.get(slot);
  const {statusCode = state?.statusCode, processed = state?.processed} = change;
  const revision = (state?.revision ?? 0) + 1;
  all.states.set(slot, {...state, revision, modifiedUs: world.clock.nowUs(), statusCode, processed, raw: undefined});
  return {ids: [change.id]};
}

/** Takes a bulk operation out of the list. */
export function deleteBulkOperation(world: AppWorld, change: ChangeOf<'deleteBulkOperation'>): ChangeResult {
  world.bulkOperations.all.remove(slotIn(world.bulkOperations.all, change.id, 'bulk operation'));
  return {ids: [change.id]};
}

/** Adds a concept. */
export function addConcept(world: AppWorld, change: ChangeOf<'addConcept'>): ChangeResult {
  const {all} = world.concepts;
  const slot = all.add({revision: 0, createdUs: world.clock.nowUs(), name: change.name}, {id: change.id});
  return {ids: [all.idOf(slot)]};
}

/** Renames a concept, which leaves no trace but the name. */
export function editConcept(world: AppWorld, change: ChangeOf<'editConcept'>): ChangeResult {
  const {all} = world.concepts;
  const slot = slotIn(all, change.id, 'concept');
  const state = all.states.get(slot);
  all.states.set(slot, {...state, revision: (state?.revision ?? 0) + 1, name: change.name, raw: undefined});
  return {ids: [change.id]};
}

/** Deletes a concept. */
export function deleteConcept(world: AppWorld, change: ChangeOf<'deleteConcept'>): ChangeResult {
  world.concepts.all.remove(slotIn(world.concepts.all, change.id, 'concept'));
  return {ids: [change.id]};
}

function slotIn<State>(all: Collection<State>, id: string, what: string): number {
  const slot = all.find(id);
  if (slot === undefined) throw new UsageError(`no ${what} '${id}'`);
  return slot;
}
