import type protobuf from 'protobufjs';
import {describe, expect, test} from 'vitest';
import type {SimulatedStream} from '../../src/simulator/changes.ts';
import {RESOURCES} from '../../src/simulator/resources/all-resources.ts';
import {Simulator} from '../../src/simulator/simulator.ts';
import {loadOfficial, problemsOf} from './official-messages.ts';

const root = loadOfficial();
const SIZE = {inputs: 2000, annotations: 8000, datasets: 30, versionsPerDataset: 6, concepts: 100, bulkOperations: 60};
const MESSAGES: Readonly<Record<string, string>> = {
  inputs: 'Input',
  annotations: 'Annotation',
  datasets: 'Dataset',
  dataset_inputs: 'DatasetInput',
  dataset_versions: 'DatasetVersion',
  bulk_operations: 'BulkOperation',
  concepts: 'Concept',
  apps: 'App',
};
const streams = Object.entries(MESSAGES);

function typeOf(name: string): protobuf.Type {
  return root.lookupType(`clarifai.api.${name}`);
}

test('the checker of messages finds an unknown field, a wrong scalar and two of a oneof', () => {
  const input = typeOf('Input');
  expect(problemsOf(input, {id: 'a', colour: 1})).toEqual(['Input.colour: no such field']);
  expect(problemsOf(input, {id: 7})).toHaveLength(1);
  expect(problemsOf(input, {data: {metadata: {colour: 1}, int_value: 5}})).toHaveLength(1);
  expect(problemsOf(input, {created_at: '2024-01-01 00:00:00'})).toHaveLength(1);
  expect(problemsOf(typeOf('Worker'), {user: {id: 'a'}, model: {id: 'b'}})).toHaveLength(1);
  expect(problemsOf(typeOf('DatasetVersionMetrics'), {inputs_count: 12})).toHaveLength(1);
});

describe.each(streams)('%s', (stream, message) => {
  test('are messages of the official type, edited and added ones too', () => {
    const simulator = new Simulator(SIZE);
    changeSomething(simulator);
    const type = typeOf(message);
    const problems: string[] = [];
    let count = 0;
    for (const record of simulator.truth(stream)) {
      count++;
      problems.push(...problemsOf(type, record.raw));
    }
    expect(count).toBeGreaterThan(0);
    expect(problems.slice(0, 10)).toEqual([]);
  });

  test('have keys that are unique, and are the same for the same seed only', () => {
    const read = (seed: number): string[] => {
      return Array.from(
        new Simulator({...SIZE, seed}).truth(stream),
        ({key, text}) => `${key.join('/')} ${String(text)}`,
      );
    };
    const first = read(1);
    expect(read(1)).toEqual(first);
    if (stream !== 'apps') expect(read(2)).not.toEqual(first);
    const keys = Array.from(new Simulator(SIZE).truth(stream), ({key}) => key.join('/'));
    expect(new Set(keys).size).toBe(keys.length);
  });
});

/** Messages of the declared resources; the last of annotation searches went with 11.10.8, and licences are plain text. */
const RESOURCE_MESSAGES: Readonly<Record<string, string>> = {
  models: 'Model',
  model_versions: 'ModelVersion',
  model_version_concepts: 'Concept',
  model_concepts: 'Concept',
  model_version_input_examples: 'ModelVersionInputExample',
  model_references: 'ModelReference',
  evaluations: 'EvalMetrics',
  evaluation_details: 'EvalMetrics',
  workflows: 'Workflow',
  workflow_versions: 'WorkflowVersion',
  concept_counts: 'ConceptCount',
  concept_relations: 'ConceptRelation',
  knowledge_graphs: 'KnowledgeGraph',
  concept_languages: 'ConceptLanguage',
  annotation_workers: 'Worker',
  annotation_filters: 'AnnotationFilter',
  searches: 'Search',
  dataset_version_metrics_groups: 'DatasetVersionMetricsGroup',
  inputs_add_jobs: 'InputsAddJob',
  inputs_extraction_jobs: 'InputsExtractionJob',
  uploads: 'Upload',
  tasks: 'Task',
  task_annotation_counts: 'TaskStatusCountPerUser',
  task_input_counts: 'TaskStatusCountPerUser',
  task_input_samples: 'Hit',
  label_orders: 'LabelOrder',
  collaborators: 'Collaborator',
  modules: 'Module',
  module_versions: 'ModuleVersion',
  installed_module_versions: 'InstalledModuleVersion',
  collectors: 'Collector',
  collaborations: 'Collaboration',
  runners: 'Runner',
  app_duplications: 'AppDuplication',
  model_types: 'ModelType',
  status_codes: 'status.Status',
};

test('every declared resource but two has its official message', () => {
  const names = RESOURCES.map(({name}) => name).filter((name) => RESOURCE_MESSAGES[name] === undefined);
  expect(names).toEqual(['annotation_search_metrics', 'open_source_licenses']);
});

test.each(Object.entries(RESOURCE_MESSAGES))('records of %s are messages of the official type', (stream, message) => {
  const resources = Object.fromEntries(RESOURCES.map(({name}) => [name, 12]));
  const simulator = new Simulator({
    inputs: 10,
    annotations: 10,
    datasets: 1,
    versionsPerDataset: 3,
    concepts: 4,
    resources,
  });
  const type = typeOf(message);
  const records = [...simulator.truth(stream)];
  expect(records.length).toBeGreaterThan(0);
  expect(records.flatMap(({raw}) => problemsOf(type, raw)).slice(0, 10)).toEqual([]);
  expect(new Set(records.map(({key}) => JSON.stringify(key))).size).toBe(records.length);
});

test('records of every kind and state are among them', () => {
  const simulator = new Simulator(SIZE);
  const texts = (stream: SimulatedStream): string =>
    Array.from(simulator.truth(stream), ({text}) => String(text)).join('\n');
  const wanted: Record<string, string[]> = {
    inputs: [
      '"image":',
      '"text":',
      '"video":',
      '"audio":',
      '"geo":',
      '🌿',
      '"code":30001',
      '"code":30002',
      '"code":30003',
      '"nested":',
    ],
    annotations: [
      '"bounding_box"',
      '"polygon"',
      '"mask"',
      '"point"',
      '"span"',
      '"token"',
      '"frames"',
      '"track_id"',
      '"time_segments"',
      '"input_level":true',
      '"workflow"',
      '"model_version_id"',
      '"top_row":0,',
      '"value":0',
      '"code":24157',
      '"code":24151',
      '"code":24152',
    ],
    datasets: ['"bookmark_origin"', '"version":'],
    dataset_versions: [
      '"code":64015',
      '"code":64020',
      '"code":64010',
      '"code":64005',
      '"export_info"',
      '"metrics"',
      '"0"',
    ],
    bulk_operations: [
      '25400',
      '25401',
      '25402',
      '25403',
      '25404',
      '25405',
      '25406',
      '"progress":{}',
      '"delete_annotations"',
    ],
    concepts: ['"language":"ja"', '"app_id":"main"'],
  };
  for (const [stream, parts] of Object.entries(wanted)) {
    const all = texts(stream);
    expect(parts.filter((part) => !all.includes(part))).toEqual([]);
  }
});

test('timestamps show no, few, six and nine digits of a second', () => {
  const digits = new Set<number>();
  for (const {text} of new Simulator(SIZE).truth('inputs')) {
    for (const match of String(text).matchAll(/:\d\d(?:\.(\d+))?Z/g)) digits.add(match[1]?.length ?? 0);
  }
  expect([...digits].sort((a, b) => a - b)).toEqual([0, 1, 3, 6, 9]);
});

function changeSomething(simulator: Simulator): void {
  const inputs = Array.from(simulator.truth('inputs'), ({key}) => key[0] as string);
  const annotation = [...simulator.truth('annotations')][5]?.key as [string, string];
  const dataset = [...simulator.truth('datasets')][0]?.key[0] as string;
  const version = [...simulator.truth('dataset_versions')][0]?.key as [string, string];
  const bulk = [...simulator.truth('bulk_operations')][1]?.key[0] as string;
  simulator.change({kind: 'addInputs', count: 3});
  simulator.change({kind: 'addInputs', ids: ['späť'], statusCode: 30001, media: 'text', metadata: {a: [1]}});
  simulator.change({kind: 'editInput', id: inputs[0] as string});
  simulator.change({kind: 'editInput', id: inputs[1] as string, metadata: {x: null}});
  simulator.change({kind: 'setInputStatus', id: inputs[2] as string, statusCode: 30002});
  simulator.change({kind: 'addAnnotations', inputId: 'späť', count: 2, trusted: false});
  simulator.change({kind: 'addAnnotations', inputId: 'späť', inputLevel: true, metadata: {a: 1}});
  simulator.change({kind: 'editAnnotation', inputId: annotation[0], id: annotation[1], statusCode: 24150});
  simulator.change({kind: 'addDataset', description: 'new', inputIds: inputs.slice(0, 3)});
  simulator.change({kind: 'editDataset', id: dataset, metadata: {k: 'v'}, starCount: 9});
  simulator.change({kind: 'addDatasetVersion', datasetId: dataset});
  simulator.change({kind: 'editDatasetVersion', datasetId: version[0], id: version[1], statusCode: 64015});
  simulator.change({kind: 'addBulkOperation', operation: {delete_geo: {}}});
  simulator.change({kind: 'editBulkOperation', id: bulk, statusCode: 25400, processed: 12});
  simulator.change({kind: 'addConcept', name: 'new one'});
  simulator.change({kind: 'editConcept', id: 'leaf-0'});
}
