import type {Answer} from './answer.ts';
import {gone, page, single} from './answer.ts';
import type {ApiRequest} from './api-request.ts';
import {isFailure, pageOf} from './api-request.ts';
import type {AppWorld} from './app-world.ts';
import {hasFailed} from './serve-inputs.ts';

/** GET datasets of these apps: own ones or, with `bookmark=true`, bookmarks; last modified first unless asked otherwise. */
export function listDatasets(worlds: readonly AppWorld[], request: ApiRequest): Answer {
  const [first] = worlds;
  if (first === undefined) return page('datasets', []);
  const {query} = request;
  const wanted = pageOf(query, first.settings);
  if (isFailure(wanted)) return wanted;
  const bookmarked = query.get('bookmark') === 'true';
  const ascending = query.get('sort_ascending') === 'true';
  const sorted = worlds.flatMap((world) => {
    const by = sortFigure(world, query);
    return world.datasets.sorted(bookmarked, by, ascending).map((slot) => ({world, slot, figure: by(slot)}));
  });
  if (worlds.length > 1)
    sorted.sort((a, b) => (a.figure === b.figure ? 0 : a.figure < b.figure === ascending ? -1 : 1));
  const slice = sorted.slice(wanted.offset, wanted.offset + wanted.perPage);
  return page(
    'datasets',
    slice.map(({world, slot}) => world.datasets.render(slot)),
  );
}

/** GET datasets/{id} and what lies below it. */
export function serveDataset(world: AppWorld, request: ApiRequest, rest: readonly string[]): Answer | null {
  const [id, below, childId, ...more] = rest;
  if (id === undefined || more.length > 0) return null;
  const slot = world.datasets.all.find(id);
  if (slot === undefined) return gone(`Dataset '${id}'`);
  if (below === undefined) return single('dataset', world.datasets.render(slot));
  if (below === 'inputs') {
    return childId === undefined ? listMembers(world, request, slot) : getMember(world, slot, childId);
  }
  if (below !== 'versions') return null;
  return childId === undefined ? listVersions(world, request, slot) : getVersion(world, slot, childId);
}

function listMembers(world: AppWorld, request: ApiRequest, dataset: number): Answer {
  const wanted = pageOf(request.query, world.settings);
  if (isFailure(wanted)) return wanted;
  const slots = world.datasets.content(dataset).members.order.slice(wanted.offset, wanted.perPage);
  const mixed = slots.some((slot) => hasFailed(world, slot));
  return page(
    'dataset_inputs',
    slots.map((slot) => world.datasets.renderMember(dataset, slot)),
    {mixed},
  );
}

function getMember(world: AppWorld, dataset: number, inputId: string): Answer {
  const slot = world.inputs.all.find(inputId);
  if (slot === undefined || !world.datasets.content(dataset).members.has(slot))
    return gone(`Dataset input '${inputId}'`);
  return single('dataset_input', world.datasets.renderMember(dataset, slot));
}

function listVersions(world: AppWorld, request: ApiRequest, dataset: number): Answer {
  const wanted = pageOf(request.query, world.settings);
  if (isFailure(wanted)) return wanted;
  const slots = world.datasets.content(dataset).versions.order.slice(wanted.offset, wanted.perPage);
  return page(
    'dataset_versions',
    slots.map((slot) => world.datasets.renderVersion(dataset, slot)),
  );
}

function getVersion(world: AppWorld, dataset: number, id: string): Answer {
  const slot = world.datasets.content(dataset).versions.find(id);
  return slot === undefined
    ? gone(`Dataset version '${id}'`)
    : single('dataset_version', world.datasets.renderVersion(dataset, slot));
}

function sortFigure(world: AppWorld, query: URLSearchParams): (slot: number) => number | string {
  const {datasets} = world;
  if (query.get('sort_by_created_at') === 'true') return (slot) => datasets.createdUs(slot);
  if (query.get('sort_by_id') === 'true') return (slot) => datasets.all.idOf(slot);
  return (slot) => datasets.modifiedUs(slot);
}
