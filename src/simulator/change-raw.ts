import {UsageError} from '../core/errors.ts';
import type {AppWorld} from './app-world.ts';
import {touchAnnotation} from './change-annotations.ts';
import {datasetSlot} from './change-datasets.ts';
import {inputSlot} from './change-inputs.ts';
import type {ChangeOf, ChangeResult} from './changes.ts';
import type {Collection} from './collection.ts';
import type {RecordState, RecordText} from './record.ts';

/** Puts text or bytes in the place of a record, adding it where there is none under the key. */
export function setRaw(world: AppWorld, change: ChangeOf<'setRaw'>): ChangeResult {
  const raw = rawOf(change);
  const first = change.key[0];
  const last = change.key.at(-1);
  if (first === undefined || last === undefined) throw new UsageError('setRaw needs a key');
  const now = world.clock.nowUs();
  const isNew = {revision: 0, createdUs: now, modifiedUs: now, raw};
  switch (change.stream) {
    case 'inputs': {
      const slot = world.inputs.all.find(first);
      if (slot === undefined) world.inputs.add({...isNew, statusCode: 30000}, {id: first});
      else world.inputs.change(slot, {raw});
      break;
    }
    case 'annotations': {
      const slot = world.annotations.find(first, last);
      const state = {...isNew, trusted: true, inputLevel: false, statusCode: 24150};
      if (slot === undefined) world.annotations.add(inputSlot(world, first), state, last);
      else touchAnnotation(world, slot, {raw, modifiedUs: now});
      break;
    }
    case 'datasets': {
      const slot = world.datasets.all.find(first);
      if (slot === undefined) world.datasets.add({...isNew, bookmarked: false}, first);
      else putRaw(world.datasets.all, first, isNew, raw);
      return {ids: change.key};
    }
    case 'dataset_versions': {
      const {versions} = world.datasets.content(datasetSlot(world, first));
      putRaw(versions, last, {...isNew, statusCode: 64015}, raw);
      return {ids: change.key};
    }
    case 'bulk_operations':
      putRaw(world.bulkOperations.all, first, isNew, raw);
      return {ids: change.key};
    case 'concepts':
      putRaw(world.concepts.all, first, isNew, raw);
      return {ids: change.key};
  }
  world.moveMarker();
  return {ids: change.key};
}

function rawOf(change: ChangeOf<'setRaw'>): RecordText {
  if (change.text !== undefined) return change.text;
  if (change.base64 !== undefined) return Buffer.from(change.base64, 'base64');
  throw new UsageError('setRaw needs text or base64');
}

function putRaw<State extends RecordState>(all: Collection<State>, id: string, isNew: State, raw: RecordText): void {
  const slot = all.find(id);
  if (slot === undefined) {
    all.add(isNew, {id});
    return;
  }
  const state = all.states.get(slot);
  all.states.set(slot, state === undefined ? ({revision: 0, raw} as State) : {...state, raw});
}
