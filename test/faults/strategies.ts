import type {RunMode} from '../../src/store/ledger.ts';
import type {Stream} from '../../src/streams/stream.ts';
import type {SyncHarness} from '../support/sync-harness.ts';

/** A column of the fault matrix: one way of reading, and what makes it read something. */
export interface Column {
  /** What is going on when the fault strikes. */
  readonly name: string;
  readonly stream: string;
  /** All that a run reads, parents first. */
  readonly streams: readonly string[];
  /** Requests that the fault befalls, on `METHOD /path?query`. */
  readonly requests: string;
  readonly mode: RunMode;
  /** Another strategy than the catalogue's. */
  readonly strategy?: Stream['strategy'];
  /**
   * Something new, something changed and, where the run can find that out, something gone. What was added by an earlier
   * call goes again, so that the app stays small.
   */
  readonly change: (harness: SyncHarness, cell: number) => void;
}

const nth = (harness: SyncHarness, stream: string, n: number): readonly string[] => {
  const keys = harness.truthKeys(stream).map((key) => key.split('/'));
  return keys[n % keys.length] as readonly string[];
};

const inputsOf = (cell: number): string[] => Array.from({length: 6}, (_, i) => `new-${cell}-${i}`);

function addInputs(harness: SyncHarness, cell: number): void {
  const [first] = harness.truthKeys('inputs') as [string];
  const gone = harness.truthKeys('inputs').filter((id) => id.startsWith('new-') && !id.startsWith(`new-${cell - 1}-`));
  harness.change({kind: 'deleteInputs', ids: gone.length > 0 ? gone : [first]});
  harness.change({kind: 'addInputs', ids: inputsOf(cell), metadata: {cell}});
}

export const COLUMNS: readonly Column[] = [
  {
    name: 'the tail of the inputs is read',
    stream: 'inputs',
    streams: ['inputs', 'bulk_operations'],
    requests: '/inputs/stream\\?',
    mode: 'incremental',
    change: (harness, cell) => void harness.change({kind: 'addInputs', ids: inputsOf(cell), metadata: {cell}}),
  },
  {
    name: 'all inputs are read one after the other',
    stream: 'inputs',
    streams: ['inputs', 'bulk_operations'],
    requests: '/inputs/stream\\?',
    mode: 'full',
    strategy: 'list',
    change: (harness, cell) => {
      addInputs(harness, cell);
      harness.change({kind: 'editInput', id: nth(harness, 'inputs', cell)[0] as string, metadata: {edited: cell}});
    },
  },
  {
    name: 'a window of annotations is searched',
    stream: 'annotations',
    streams: ['inputs', 'annotations', 'bulk_operations'],
    requests: '/annotations/searches',
    mode: 'incremental',
    change: (harness, cell) => {
      const [inputId, id] = nth(harness, 'annotations', cell) as [string, string];
      const [newest] = nth(harness, 'inputs', cell) as [string];
      const ids = Array.from({length: 6}, (_, i) => `new-${cell}-${i}`);
      harness.change(
        {kind: 'editAnnotation', inputId, id, metadata: {edited: cell}},
        {kind: 'addAnnotations', inputId: newest, ids, metadata: {cell}},
      );
    },
  },
  {
    name: 'a list is read page by page',
    stream: 'concepts',
    streams: ['concepts', 'bulk_operations'],
    requests: '/concepts\\?',
    mode: 'full',
    change: (harness, cell) => {
      harness.change(
        {kind: 'deleteConcept', id: nth(harness, 'concepts', cell)[0] as string},
        {kind: 'editConcept', id: nth(harness, 'concepts', cell + 1)[0] as string, name: `edited ${cell}`},
        {kind: 'addConcept', id: `new-${cell}`},
      );
    },
  },
  {
    name: 'lists of children are read',
    stream: 'dataset_versions',
    streams: ['datasets', 'dataset_versions', 'bulk_operations'],
    requests: '/datasets/[^/]+/versions\\?',
    mode: 'full',
    change: (harness, cell) => {
      const [datasetId, id] = nth(harness, 'dataset_versions', cell) as [string, string];
      const [otherId, edited] = nth(harness, 'dataset_versions', cell + 1) as [string, string];
      harness.change(
        {kind: 'editDatasetVersion', datasetId: otherId, id: edited, description: `edited ${cell}`},
        {kind: 'deleteDatasetVersion', datasetId, id},
        {kind: 'addDatasetVersion', datasetId, id: `new-${cell}`},
      );
    },
  },
  {
    name: 'members of datasets are read',
    stream: 'dataset_inputs',
    streams: ['inputs', 'datasets', 'dataset_inputs'],
    requests: '/datasets/[^/]+/inputs\\?',
    mode: 'full',
    change: (harness, cell) => {
      const [datasetId, removed] = nth(harness, 'dataset_inputs', cell) as [string, string];
      const members = new Set(harness.truthKeys('dataset_inputs'));
      const added = harness.truthKeys('inputs').find((id) => !members.has(`${datasetId}/${id}`)) as string;
      harness.change(
        {kind: 'addDatasetInputs', datasetId, inputIds: [added]},
        {kind: 'removeDatasetInputs', datasetId, inputIds: [removed]},
      );
    },
  },
  {
    name: 'what is fixed is read under new parents',
    stream: 'dataset_version_metrics_groups',
    streams: ['datasets', 'dataset_versions', 'dataset_version_metrics_groups'],
    requests: '/versions/[^/]+/metrics\\?',
    mode: 'full',
    change: (harness, cell) => {
      const [datasetId, id] = nth(harness, 'dataset_versions', cell) as [string, string];
      harness.change(
        {kind: 'deleteDatasetVersion', datasetId, id},
        {kind: 'addDatasetVersion', datasetId, id: `new-${cell}`, statusCode: 64015},
      );
    },
  },
];
