import type {Answer} from './answer.ts';
import {gone, page, single} from './answer.ts';
import type {ApiRequest} from './api-request.ts';
import {isFailure, pageOf} from './api-request.ts';
import type {AppWorld} from './app-world.ts';
import type {Collection} from './collection.ts';
import type {RecordText} from './record.ts';

interface SmallTable {
  readonly all: Collection<unknown>;
  render(slot: number): RecordText;
}

/** GET bulk_operations and bulk_operations/{id}. The array is named in the singular, and is absent when empty. */
export function serveBulkOperations(world: AppWorld, request: ApiRequest, rest: readonly string[]): Answer | null {
  return serveTable(world, world.bulkOperations, request, rest, {
    list: 'bulk_operation',
    one: 'bulk_operation',
    omitEmpty: true,
  });
}

/** GET concepts and concepts/{id}. */
export function serveConcepts(world: AppWorld, request: ApiRequest, rest: readonly string[]): Answer | null {
  return serveTable(world, world.concepts, request, rest, {list: 'concepts', one: 'concept', omitEmpty: false});
}

function serveTable(
  world: AppWorld,
  table: SmallTable,
  request: ApiRequest,
  rest: readonly string[],
  names: {list: string; one: string; omitEmpty: boolean},
): Answer | null {
  const [id, ...more] = rest;
  if (more.length > 0) return null;
  if (id !== undefined) {
    const slot = table.all.find(id);
    return slot === undefined ? gone(`${names.one} '${id}'`) : single(names.one, table.render(slot));
  }
  const wanted = pageOf(request.query, world.settings);
  if (isFailure(wanted)) return wanted;
  const slots = table.all.order.slice(wanted.offset, wanted.perPage);
  return page(
    names.list,
    slots.map((slot) => table.render(slot)),
    {omitEmpty: names.omitEmpty},
  );
}
