import type {Change} from '../simulator/changes.ts';
import type {Simulator} from '../simulator/simulator.ts';

/** Something that happened at the source, for people. */
export interface Happening {
  readonly told: string;
  readonly changes: readonly Change[];
}

/** What people do to an app in a day: something of every kind is added or edited. */
export function additionsAndEdits(simulator: Simulator): Happening[] {
  const [first, second, third] = keysOf(simulator, 'inputs', 3);
  const [annotation] = keysOf(simulator, 'annotations', 1);
  const [dataset] = keysOf(simulator, 'datasets', 1);
  const [concept] = keysOf(simulator, 'concepts', 1);
  const [operation] = keysOf(simulator, 'bulk_operations', 1);
  return [
    {told: 'added 5 inputs', changes: [{kind: 'addInputs', count: 5}]},
    {
      told: 'edited the metadata of 1 input',
      changes: [{kind: 'editInput', id: first?.[0] ?? '', metadata: {reviewed: true}}],
    },
    {told: 'added 3 annotations', changes: [{kind: 'addAnnotations', inputId: second?.[0] ?? '', count: 3}]},
    {
      told: 'edited 1 annotation',
      changes: [{kind: 'editAnnotation', inputId: annotation?.[0] ?? '', id: annotation?.[1] ?? '', trusted: false}],
    },
    {
      told: 'added 1 dataset with 2 inputs and a version',
      changes: [
        {kind: 'addDataset', id: 'autumn', inputIds: [second?.[0] ?? '', third?.[0] ?? '']},
        {kind: 'addDatasetVersion', datasetId: 'autumn', id: 'v1'},
      ],
    },
    {
      told: 'edited 1 dataset',
      changes: [{kind: 'editDataset', id: dataset?.[0] ?? '', description: 'Checked by hand.'}],
    },
    {told: 'added 1 concept', changes: [{kind: 'addConcept', id: 'maple', name: 'Maple'}]},
    {told: 'edited 1 concept', changes: [{kind: 'editConcept', id: concept?.[0] ?? '', name: 'Renamed'}]},
    {told: 'added 1 bulk operation', changes: [{kind: 'addBulkOperation'}]},
    {
      told: 'edited 1 bulk operation',
      changes: [{kind: 'editBulkOperation', id: operation?.[0] ?? '', processed: 1}],
    },
  ];
}

/** Something of every kind goes away. */
export function deletions(simulator: Simulator): Happening[] {
  const [input] = keysOf(simulator, 'inputs', 1);
  const annotation = lastKey(simulator, 'annotations');
  const dataset = lastKey(simulator, 'datasets');
  const version = keysOf(simulator, 'dataset_versions', 1)[0];
  // Of the dataset that lost a version, and not by way of the input that goes anyhow.
  const members = [...simulator.truth('dataset_inputs')].map(({key}) => key);
  const member = members.find((key) => key[0] === version?.[0] && key[1] !== input?.[0]);
  return [
    {told: 'deleted 1 input, its annotations with it', changes: [{kind: 'deleteInputs', ids: [input?.[0] ?? '']}]},
    {
      told: 'deleted 1 annotation',
      changes: [{kind: 'deleteAnnotations', inputId: annotation[0] ?? '', ids: [annotation[1] ?? '']}],
    },
    {
      told: 'took 1 input out of a dataset',
      changes: [{kind: 'removeDatasetInputs', datasetId: member?.[0] ?? '', inputIds: [member?.[1] ?? '']}],
    },
    {
      told: 'deleted 1 dataset version',
      changes: [{kind: 'deleteDatasetVersion', datasetId: version?.[0] ?? '', id: version?.[1] ?? ''}],
    },
    {
      told: 'deleted 1 dataset, its versions and memberships with it',
      changes: [{kind: 'deleteDataset', id: dataset[0] ?? ''}],
    },
    {told: 'deleted 1 concept', changes: [{kind: 'deleteConcept', id: lastKey(simulator, 'concepts')[0] ?? ''}]},
    {
      told: 'deleted 1 bulk operation',
      changes: [{kind: 'deleteBulkOperation', id: lastKey(simulator, 'bulk_operations')[0] ?? ''}],
    },
  ];
}

type StreamName = Parameters<Simulator['truth']>[0];

function keysOf(simulator: Simulator, stream: StreamName, count: number): (readonly string[])[] {
  const keys: (readonly string[])[] = [];
  for (const {key} of simulator.truth(stream)) {
    if (keys.push(key) === count) break;
  }
  return keys;
}

function lastKey(simulator: Simulator, stream: StreamName): readonly string[] {
  let last: readonly string[] = [];
  for (const {key} of simulator.truth(stream)) last = key;
  return last;
}
