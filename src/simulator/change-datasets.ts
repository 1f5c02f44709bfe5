import {UsageError} from '../core/errors.ts';
import type {AppWorld} from './app-world.ts';
import {inputSlot} from './change-inputs.ts';
import type {ChangeOf, ChangeResult} from './changes.ts';
import type {DatasetState} from './render-dataset.ts';

/** Adds a dataset, with members if any are named. */
export function addDataset(world: AppWorld, change: ChangeOf<'addDataset'>): ChangeResult {
  for (const input of change.inputIds ?? []) inputSlot(world, input);
  const now = world.clock.nowUs();
  const {bookmarked = false, description} = change;
  const state: DatasetState = {revision: 0, createdUs: now, modifiedUs: now, bookmarked, description};
  const id = world.datasets.all.idOf(world.datasets.add(state, change.id));
  if (change.inputIds !== undefined)
    addDatasetInputs(world, {kind: 'addDatasetInputs', datasetId: id, inputIds: change.inputIds});
  return {ids: [id]};
}

/** Edits a dataset. Stars alone, and silent edits, leave modified_at as it is. */
export function editDataset(world: AppWorld, change: ChangeOf<'editDataset'>): ChangeResult {
  const edit: Partial<DatasetState> = {};
  const onlyStars = change.starCount !== undefined && change.description === undefined && change.metadata === undefined;
  if (change.starCount !== undefined) edit.starCount = change.starCount;
  if (change.description !== undefined) edit.description = change.description;
  if (change.metadata !== undefined) edit.metadata = JSON.stringify(change.metadata);
  touchDataset(world, datasetSlot(world, change.id), edit, onlyStars || change.silent === true);
  return {ids: [change.id]};
}

/** Deletes a dataset with its versions and members. */
export function deleteDataset(world: AppWorld, change: ChangeOf<'deleteDataset'>): ChangeResult {
  const slot = datasetSlot(world, change.id);
  const hadMembers = world.datasets.content(slot).members.order.size > 0;
  world.datasets.remove(slot);
  if (hadMembers) world.moveMarker();
  return {ids: [change.id]};
}

/** Makes inputs members of a dataset; those that are already stay as they are. */
export function addDatasetInputs(world: AppWorld, change: ChangeOf<'addDatasetInputs'>): ChangeResult {
  const dataset = datasetSlot(world, change.datasetId);
  const {members} = world.datasets.content(dataset);
  const slots = change.inputIds.map((id) => inputSlot(world, id));
  const added = change.inputIds.filter((_, i) => members.add(slots[i] as number, world.clock.nowUs()));
  if (added.length > 0) afterMembership(world, dataset);
  return {ids: added};
}

/** Ends the membership of inputs. */
export function removeDatasetInputs(world: AppWorld, change: ChangeOf<'removeDatasetInputs'>): ChangeResult {
  const dataset = datasetSlot(world, change.datasetId);
  const {members} = world.datasets.content(dataset);
  const slots = change.inputIds.map((id) => inputSlot(world, id));
  const removed = change.inputIds.filter((_, i) => members.remove(slots[i] as number));
  if (removed.length > 0) afterMembership(world, dataset);
  return {ids: removed};
}

/** Adds a version to a dataset: pending unless told otherwise. */
export function addDatasetVersion(world: AppWorld, change: ChangeOf<'addDatasetVersion'>): ChangeResult {
  const {versions, members} = world.datasets.content(datasetSlot(world, change.datasetId));
  const now = world.clock.nowUs();
  const statusCode = change.statusCode ?? 64005;
  const state = {revision: 0, createdUs: now, modifiedUs: now, statusCode, inputCount: members.order.size};
  return {ids: [versions.idOf(versions.add(state, {id: change.id}))]};
}

/** Moves a version on, or edits its description. */
export function editDatasetVersion(world: AppWorld, change: ChangeOf<'editDatasetVersion'>): ChangeResult {
  const {versions, version, state} = versionPlace(world, change);
  const {statusCode = state?.statusCode, description = state?.description} = change;
  const revision = (state?.revision ?? 0) + 1;
  const modifiedUs = world.clock.nowUs();
  versions.states.set(version, {...state, revision, modifiedUs, statusCode, description, raw: undefined});
  return {ids: [change.id]};
}

/** Deletes one version of a dataset. */
export function deleteDatasetVersion(world: AppWorld, change: ChangeOf<'deleteDatasetVersion'>): ChangeResult {
  const {versions, version} = versionPlace(world, change);
  versions.remove(version);
  return {ids: [change.id]};
}

/** Slot of a living dataset. Throws a UsageError when there is none. */
export function datasetSlot(world: AppWorld, id: string): number {
  const slot = world.datasets.all.find(id);
  if (slot === undefined) throw new UsageError(`no dataset '${id}'`);
  return slot;
}

function versionPlace(world: AppWorld, change: {datasetId: string; id: string}) {
  const {versions} = world.datasets.content(datasetSlot(world, change.datasetId));
  const version = versions.find(change.id);
  if (version === undefined) throw new UsageError(`no version '${change.id}' of dataset '${change.datasetId}'`);
  return {versions, version, state: versions.states.get(version)};
}

function afterMembership(world: AppWorld, dataset: number): void {
  if (world.settings.datasetModifiedByMembers) touchDataset(world, dataset, {}, false);
  world.moveMarker();
}

function touchDataset(world: AppWorld, slot: number, edit: Partial<DatasetState>, silent: boolean): void {
  const {datasets} = world;
  const state = datasets.all.states.get(slot);
  const modifiedUs = silent ? datasets.modifiedUs(slot) : world.clock.nowUs();
  const revision = (state?.revision ?? 0) + (silent ? 0 : 1);
  datasets.all.states.set(slot, {...state, ...edit, revision, modifiedUs, raw: undefined});
}
