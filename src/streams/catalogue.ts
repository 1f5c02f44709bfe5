import {UsageError} from '../core/errors.ts';
import {annotationFilters, annotationSearchMetrics, annotationWorkers, searches} from './annotation-lists.ts';
import {annotations} from './annotations.ts';
import {apps} from './apps.ts';
import {bulkOperations} from './bulk-operations.ts';
import {conceptCounts, conceptLanguages, conceptRelations, knowledgeGraphs} from './concept-lists.ts';
import {concepts} from './concepts.ts';
import {datasetInputs} from './dataset-inputs.ts';
import {datasetVersionMetricsGroups} from './dataset-metrics.ts';
import {datasetVersions} from './dataset-versions.ts';
import {datasets} from './datasets.ts';
import {evaluationDetails, evaluations} from './evaluations.ts';
import {inputsAddJobs, inputsExtractionJobs, uploads} from './ingestion.ts';
import {inputs} from './inputs.ts';
import {
  modelConcepts,
  modelReferences,
  models,
  modelTypes,
  modelVersionConcepts,
  modelVersionInputExamples,
  modelVersions,
} from './models.ts';
import {collectors, installedModuleVersions, modules, moduleVersions} from './modules.ts';
import {REFUSED} from './refused.ts';
import {collaborations, collaborators} from './sharing.ts';
import type {Stream} from './stream.ts';
import {labelOrders, taskAnnotationCounts, taskInputCounts, taskInputSamples, tasks} from './tasks.ts';
import {appDuplications, openSourceLicenses, runners, statusCodes} from './user-lists.ts';
import {workflows, workflowVersions} from './workflows.ts';

/** Every stream that this version can sync. Parents stand before what is read under them. */
export const CATALOGUE: readonly Stream[] = [
  apps,
  inputs,
  annotations,
  datasets,
  bulkOperations,
  datasetVersions,
  datasetVersionMetricsGroups,
  datasetInputs,
  concepts,
  conceptCounts,
  conceptRelations,
  conceptLanguages,
  knowledgeGraphs,
  annotationWorkers,
  annotationFilters,
  annotationSearchMetrics,
  searches,
  inputsAddJobs,
  inputsExtractionJobs,
  uploads,
  tasks,
  taskAnnotationCounts,
  taskInputCounts,
  taskInputSamples,
  labelOrders,
  models,
  modelVersions,
  modelVersionConcepts,
  modelVersionInputExamples,
  modelConcepts,
  modelReferences,
  evaluations,
  evaluationDetails,
  workflows,
  workflowVersions,
  collaborators,
  modules,
  moduleVersions,
  installedModuleVersions,
  collectors,
  collaborations,
  runners,
  appDuplications,
  modelTypes,
  statusCodes,
  openSourceLicenses,
];

const BY_NAME = new Map(CATALOGUE.map((stream) => [stream.name, stream]));

/**
 * The stream of that name.
 * @throws UsageError that lists the names there are, or says why there is none of this name
 */
export function streamNamed(name: string): Stream {
  const stream = BY_NAME.get(name);
  if (stream !== undefined) return stream;
  if (Object.hasOwn(REFUSED, name)) throw new UsageError(`stream "${name}" is never read: ${REFUSED[name]}`);
  throw new UsageError(`unknown stream "${name}": expected one of ${[...BY_NAME.keys()].join(', ')}`);
}

/** These streams and those that they are read under, in the order of the catalogue. */
export function withParents(streams: readonly Stream[]): readonly Stream[] {
  const names = new Set<string>();
  const add = (stream: Stream): void => {
    names.add(stream.name);
    if (stream.under !== undefined) add(streamNamed(stream.under.stream));
  };
  streams.forEach(add);
  return CATALOGUE.filter(({name}) => names.has(name));
}
