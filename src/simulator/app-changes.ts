import type {AppWorld} from './app-world.ts';
import * as annotations from './change-annotations.ts';
import * as datasets from './change-datasets.ts';
import * as inputs from './change-inputs.ts';
import {setRaw} from './change-raw.ts';
import * as small from './change-small.ts';
import type {Change, ChangeOf, ChangeResult} from './changes.ts';
import {resourceNamed, type ResourceTables} from './resources/resource-tables.ts';

type Changers = {[Kind in Change['kind']]: (world: AppWorld, change: ChangeOf<Kind>) => ChangeResult};

const CHANGERS: Changers = {
  addInputs: inputs.addInputs,
  editInput: inputs.editInput,
  setInputStatus: inputs.setInputStatus,
  deleteInputs: inputs.deleteInputs,
  restoreInput: inputs.restoreInput,
  addAnnotations: annotations.addAnnotations,
  editAnnotation: annotations.editAnnotation,
  deleteAnnotations: annotations.deleteAnnotations,
  addDataset: datasets.addDataset,
  editDataset: datasets.editDataset,
  deleteDataset: datasets.deleteDataset,
  addDatasetInputs: datasets.addDatasetInputs,
  removeDatasetInputs: datasets.removeDatasetInputs,
  addDatasetVersion: datasets.addDatasetVersion,
  editDatasetVersion: datasets.editDatasetVersion,
  deleteDatasetVersion: datasets.deleteDatasetVersion,
  addBulkOperation: small.addBulkOperation,
  editBulkOperation: small.editBulkOperation,
  deleteBulkOperation: small.deleteBulkOperation,
  addConcept: small.addConcept,
  editConcept: small.editConcept,
  deleteConcept: small.deleteConcept,
  setRaw,
  addRecord: (world, {stream, parent = [], fields = {}}) => ({
    ids: tablesOf(world, stream).add(stream, parent, fields),
  }),
  editRecord: (world, {stream, key, fields}) => {
    tablesOf(world, stream).edit(stream, key, fields);
    return {ids: key};
  },
  deleteRecord: (world, {stream, key}) => {
    tablesOf(world, stream).remove(stream, key);
    return {ids: key};
  },
  moveMarker: (world) => {
    world.moveMarker();
    return {ids: []};
  },
};

function tablesOf(world: AppWorld, stream: string): ResourceTables {
  return resourceNamed(stream).scope === 'app' ? world.resources : world.shared;
}

/** Lets one thing happen to an app. Throws a UsageError when it names what is not there. */
export function applyChange(world: AppWorld, change: Change): ChangeResult {
  // The table gives each kind its own function, which the type system cannot follow through the index.
  const changer = CHANGERS[change.kind] as (world: AppWorld, change: Change) => ChangeResult;
  return changer(world, change);
}
