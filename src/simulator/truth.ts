import type {AppWorld} from './app-world.ts';
import type {SimulatedStream} from './changes.ts';
import type {RecordText} from './record.ts';
import {resourceNamed} from './resources/resource-tables.ts';

/** A living record with its key, as the list endpoints give it. */
export interface TrueRecord {
  readonly key: readonly string[];
  readonly text: RecordText;
}

/** All living records of a stream: untrusted annotations, bookmarked datasets and every dataset's children included. */
export function* truthOf(world: AppWorld, stream: SimulatedStream): Generator<TrueRecord> {
  const {inputs, annotations, datasets, bulkOperations, concepts, resources, shared} = world;
  switch (stream) {
    case 'inputs':
      for (const slot of inputs.all.order) yield {key: [inputs.all.idOf(slot)], text: inputs.render(slot)};
      return;
    case 'annotations':
      for (const slot of annotations.all.order) {
        const key = [inputs.all.idOf(annotations.inputSlot(slot)), annotations.all.idOf(slot)];
        yield {key, text: annotations.render(slot)};
      }
      return;
    case 'datasets':
      for (const slot of datasets.all.order) yield {key: [datasets.all.idOf(slot)], text: datasets.render(slot)};
      return;
    case 'dataset_inputs':
      for (const slot of datasets.all.order) {
        for (const member of datasets.content(slot).members.order) {
          yield {key: [datasets.all.idOf(slot), inputs.all.idOf(member)], text: datasets.renderMember(slot, member)};
        }
      }
      return;
    case 'dataset_versions':
      for (const slot of datasets.all.order) {
        const {versions} = datasets.content(slot);
        for (const version of versions.order) {
          const key = [datasets.all.idOf(slot), versions.idOf(version)];
          yield {key, text: datasets.renderVersion(slot, version)};
        }
      }
      return;
    case 'bulk_operations':
      for (const slot of bulkOperations.all.order) {
        yield {key: [bulkOperations.all.idOf(slot)], text: bulkOperations.render(slot)};
      }
      return;
    case 'concepts':
      for (const slot of concepts.all.order) yield {key: [concepts.all.idOf(slot)], text: concepts.render(slot)};
      return;
    default: {
      const resource = resourceNamed(stream);
      const tables = resource.scope === 'app' ? resources : shared;
      for (const kept of tables.all(resource))
        yield {key: kept.key, text: JSON.stringify(tables.shown(resource, kept))};
    }
  }
}
