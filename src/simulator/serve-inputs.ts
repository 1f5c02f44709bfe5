import type {Answer} from './answer.ts';
import {gone, page, single} from './answer.ts';
import type {ApiRequest, PageRequest} from './api-request.ts';
import {isFailure, pageOf} from './api-request.ts';
import type {AppWorld} from './app-world.ts';

const PENDING = new Set([30001, 30003]);

/** GET inputs: by page, by `ids`, or by `status.code`. */
export function listInputs(world: AppWorld, request: ApiRequest): Answer {
  const wanted = pageOf(request.query, world.settings);
  if (isFailure(wanted)) return wanted;
  const ids = request.query.getAll('ids');
  if (ids.length > 0) return inputsByIds(world, ids, wanted);
  const code = request.query.get('status.code');
  const slots =
    code === null
      ? world.inputs.all.order.slice(wanted.offset, wanted.perPage)
      : world.inputs.sliceByStatus(Number(code), wanted.offset, wanted.perPage);
  return inputsPage(world, slots);
}

/** GET inputs/stream: in order of adding or of id, from after `last_id` on. */
export function streamInputs(world: AppWorld, request: ApiRequest): Answer {
  const {query} = request;
  const wanted = pageOf(query, world.settings, 20);
  if (isFailure(wanted)) return wanted;
  const lastId = query.get('last_id') ?? '';
  const descending = query.get('descending') === 'true';
  const list = query.get('order_by_id') === 'true' ? orderById(world) : orderByTime(world);
  let after = 0;
  if (lastId !== '') {
    const place = placeOf(world, list, lastId);
    if (place === 'error') return gone(`Input '${lastId}'`);
    if (place === 'empty') return page('inputs', []);
    after = descending ? list.size - place.below : place.upTo;
  }
  if (!descending) return inputsPage(world, list.slice(after, wanted.perPage));
  const end = list.size - after;
  const start = Math.max(0, end - wanted.perPage);
  return inputsPage(world, list.slice(start, end - start).reverse());
}

/** GET inputs/{id}. */
export function getInput(world: AppWorld, id: string): Answer {
  const slot = world.inputs.all.find(id);
  return slot === undefined ? gone(`Input '${id}'`) : single('input', world.inputs.render(slot));
}

/** GET inputs/status: all eight counters, zeros too. */
export function inputCounts(world: AppWorld): Answer {
  const {inputs} = world;
  let errors = 0;
  for (const status of inputs.statuses()) if (!PENDING.has(status)) errors += inputs.count(status);
  const counts = `"processed":${inputs.count(30000)},"to_process":${inputs.count(30001)},"errors":${errors},"processing":${inputs.count(30003)}`;
  return {
    kind: 'object',
    members: [`"counts":{${counts},"reindexed":0,"to_reindex":0,"reindex_errors":0,"reindexing":0}`],
  };
}

/** A page of these inputs; mixed when one of them has failed. */
export function inputsPage(world: AppWorld, slots: readonly number[]): Answer {
  const mixed = slots.some((slot) => hasFailed(world, slot));
  return page(
    'inputs',
    slots.map((slot) => world.inputs.render(slot)),
    {mixed},
  );
}

/** Has this input failed, so that its page is a mixed one? */
export function hasFailed(world: AppWorld, slot: number): boolean {
  const status = world.inputs.status(slot);
  return status !== 30000 && !PENDING.has(status);
}

function inputsByIds(world: AppWorld, ids: readonly string[], wanted: PageRequest): Answer {
  const slots: number[] = [];
  for (const id of new Set(ids)) {
    const slot = world.inputs.all.find(id);
    if (slot !== undefined) slots.push(slot);
    else if (world.settings.missingIds === 'error') return gone(`Input '${id}'`);
  }
  return inputsPage(world, slots.slice(wanted.offset, wanted.offset + wanted.perPage));
}

/** A list that can be cut anywhere and says where a slot, living or gone, stands: how many come before it, and up to it. */
interface CuttableList {
  readonly size: number;
  slice(offset: number, count: number): number[];
  place(slot: number): {below: number; upTo: number};
}

function orderByTime(world: AppWorld): CuttableList {
  const {all} = world.inputs;
  return {
    size: all.order.size,
    slice: (offset, count) => all.order.slice(offset, count),
    place: (slot) => {
      const below = all.order.rank(all.positionOf(slot));
      return {below, upTo: below + (all.isLive(slot) ? 1 : 0)};
    },
  };
}

function orderById(world: AppWorld): CuttableList {
  const {all} = world.inputs;
  const slots = world.inputs.byId();
  return {
    size: slots.length,
    slice: (offset, count) => slots.slice(offset, offset + count),
    place: (slot) => {
      const id = all.idOf(slot);
      let low = 0;
      for (let high = slots.length; low < high;) {
        const middle = (low + high) >>> 1;
        if (all.idOf(slots[middle] as number) < id) low = middle + 1;
        else high = middle;
      }
      return {below: low, upTo: low + (all.isLive(slot) ? 1 : 0)};
    },
  };
}

function placeOf(
  world: AppWorld,
  list: CuttableList,
  lastId: string,
): {below: number; upTo: number} | 'error' | 'empty' {
  const {all} = world.inputs;
  const slot = all.findEver(lastId);
  if (slot !== undefined && all.isLive(slot)) return list.place(slot);
  const behaviour =
    slot === undefined && world.settings.lastIdDeleted !== 'empty' ? 'error' : world.settings.lastIdDeleted;
  switch (behaviour) {
    case 'error':
    case 'empty':
      return behaviour;
    case 'continue':
      return list.place(slot as number);
    case 'jump': {
      const {upTo} = list.place(slot as number);
      const place = Math.min(list.size, upTo + 7);
      return {below: place, upTo: place};
    }
    case 'restart':
      return {below: list.size, upTo: 0};
  }
}
