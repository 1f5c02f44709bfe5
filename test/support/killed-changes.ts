import type {Change} from '../../src/simulator/changes.ts';
import type {RunMode} from '../../src/store/ledger.ts';
import type {SyncHarness} from './sync-harness.ts';

/** The same kinds of change each time, of the kind that a run of this mode must show. */
export function killedChanges(harness: SyncHarness, mode: RunMode): Change[] {
  const inputs = harness.truthKeys('inputs');
  const [inputId, id] = (harness.truthKeys('annotations')[0] ?? '').split('/') as [string, string];
  const datasets = harness.truthKeys('datasets');
  const seen: Change[] = [
    {kind: 'addInputs', count: 1},
    {kind: 'editAnnotation', inputId, id, metadata: {at: Math.random()}},
    {kind: 'editDataset', id: datasets[0] as string, description: String(Math.random())},
    {kind: 'addDatasetVersion', datasetId: datasets[0] as string},
  ];
  if (mode === 'incremental') return seen;
  // It goes in a later round, and takes its version along.
  const dataset = `made-${Math.random()}`;
  return [
    ...seen,
    {kind: 'editInput', id: inputs[0] as string, metadata: {at: Math.random()}, annotationToo: false},
    {kind: 'deleteInputs', ids: [inputs.find((each) => each !== inputId && each !== inputs[0]) as string]},
    {kind: 'deleteDataset', id: datasets.at(-1) as string},
    {kind: 'addDataset', id: dataset},
    {kind: 'addDatasetVersion', datasetId: dataset},
  ];
}
