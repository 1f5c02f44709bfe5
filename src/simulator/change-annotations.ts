import {UsageError} from '../core/errors.ts';
import type {AppWorld} from './app-world.ts';
import type {ChangeOf, ChangeResult} from './changes.ts';
import {parseMoment} from './instant.ts';
import type {AnnotationState} from './render-annotation.ts';

/** Adds annotations to an input. */
export function addAnnotations(world: AppWorld, change: ChangeOf<'addAnnotations'>): ChangeResult {
  const input = annotatedInput(world, change.inputId);
  const wanted = change.ids ?? Array.from({length: change.count ?? 1}, () => undefined);
  const taken = change.ids?.find(
    (id, i) => world.annotations.find(change.inputId, id) !== undefined || change.ids?.indexOf(id) !== i,
  );
  if (taken !== undefined) throw new UsageError(`input '${change.inputId}' has an annotation '${taken}' already`);
  const ids = wanted.map((id) => {
    const now = world.clock.nowUs();
    const state: AnnotationState = {
      revision: 0,
      createdUs: now,
      modifiedUs: now,
      trusted: change.trusted ?? true,
      inputLevel: change.inputLevel ?? false,
      statusCode: change.statusCode ?? 24150,
      metadata: change.metadata === undefined ? undefined : JSON.stringify(change.metadata),
      before: null,
      visibleAtMs: world.clock.nowMs() + world.settings.searchDelayMs,
    };
    return world.annotations.all.idOf(world.annotations.add(input, state, id));
  });
  if (ids.length > 0) afterAnnotationChange(world, input);
  return {ids};
}

/** Edits an annotation. */
export function editAnnotation(world: AppWorld, change: ChangeOf<'editAnnotation'>): ChangeResult {
  const slot = annotationSlot(world, change.inputId, change.id);
  const late = change.modifiedAt === undefined ? null : parseMoment(change.modifiedAt);
  const edit: Partial<AnnotationState> = {modifiedUs: late?.us ?? world.clock.nowUs(), raw: undefined};
  if (change.statusCode !== undefined) edit.statusCode = change.statusCode;
  if (change.trusted !== undefined) edit.trusted = change.trusted;
  if (change.metadata !== undefined) edit.metadata = JSON.stringify(change.metadata);
  touchAnnotation(world, slot, edit);
  afterAnnotationChange(world, world.annotations.inputSlot(slot));
  return {ids: [change.id]};
}

/** Deletes annotations of an input. */
export function deleteAnnotations(world: AppWorld, change: ChangeOf<'deleteAnnotations'>): ChangeResult {
  const slots = change.ids.map((id) => annotationSlot(world, change.inputId, id));
  for (const slot of slots) world.annotations.all.remove(slot);
  if (change.ids.length > 0) afterAnnotationChange(world, annotatedInput(world, change.inputId));
  return {ids: change.ids};
}

/** Puts an edit on an annotation; search goes on showing what it shows now until its delay is over. */
export function touchAnnotation(world: AppWorld, slot: number, edit: Partial<AnnotationState>): void {
  const {states} = world.annotations.all;
  const state = states.get(slot);
  const nowMs = world.clock.nowMs();
  const isShown = state?.visibleAtMs === undefined || state.visibleAtMs <= nowMs;
  const before = isShown && state !== undefined ? {...state, before: undefined, visibleAtMs: undefined} : state?.before;
  states.set(slot, {
    ...state,
    revision: (state?.revision ?? 0) + 1,
    ...edit,
    before,
    visibleAtMs: nowMs + world.settings.searchDelayMs,
  });
}

function annotatedInput(world: AppWorld, inputId: string): number {
  const slot = world.inputs.all.find(inputId);
  if (slot === undefined) throw new UsageError(`no input '${inputId}'`);
  return slot;
}

function annotationSlot(world: AppWorld, inputId: string, id: string): number {
  const slot = world.annotations.find(inputId, id);
  if (slot === undefined) throw new UsageError(`no annotation '${id}' of input '${inputId}'`);
  return slot;
}

function afterAnnotationChange(world: AppWorld, inputSlot: number): void {
  if (world.settings.inputModifiedByAnnotations) {
    const {metadata, raw} = world.inputs.all.states.get(inputSlot) ?? {};
    // The input itself stays as it was: what is shown of its metadata must not follow the revision.
    const kept = metadata ?? world.inputs.metadata(inputSlot);
    world.inputs.change(inputSlot, {modifiedUs: world.clock.nowUs(), metadata: kept, raw});
  }
  world.moveMarker();
}
