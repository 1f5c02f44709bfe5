import {awkward, WORDS} from '../words.ts';
import {bookmark, withNewest} from './model-resources.ts';
import {statusOf, textOf, type Draw, type Json, type Resource} from './resource.ts';

const owner = ({userId, appId}: Draw): Json => ({app_id: appId, user_id: userId});

/** A person, with the personal data that real ones have. */
export const person = (id: string): Json => ({
  id,
  first_name: 'Ada',
  last_name: 'Example',
  primary_email: `${id}@example.org`,
  company_name: 'Example Ltd',
  email_addresses: [{email: `${id}@example.org`, primary: true, verified: true}],
  visibility: {gettable: 10},
});

const PEOPLE = ['maria', 'li', 'späť', 'omar'];
const personOf = (n: number): string => PEOPLE[n % PEOPLE.length] + (n < PEOPLE.length ? '' : `-${n}`);

/** A worker of one of the three kinds. */
function worker(d: Draw): Json {
  if (d.n % 3 === 0) return {user: person(personOf(d.n))};
  if (d.n % 3 === 1) return {model: {id: 'model-0', ...owner(d), model_version: {id: `mv-${d.n}`}}};
  return {workflow: {id: 'workflow-0', ...owner(d), version: {id: `wv-${d.n}`}}};
}

function workerKey(record: Json): readonly string[] {
  const {user, model, workflow} = record as Record<string, Json | undefined>;
  if (user !== undefined) return ['user', textOf(user, 'id')];
  if (model !== undefined) return ['model', textOf(model, 'model_version', 'id')];
  return ['workflow', textOf(workflow ?? {}, 'version', 'id')];
}

const QUERY = {filters: [{annotation: {trusted: true}}]};

const concept = (id: string, d: Draw): Json => ({id, name: id, value: 1, language: 'en', ...owner(d)});

function task(d: Draw): Json {
  const people = [person(personOf(d.n)), person(personOf(d.n + 1))];
  return {
    id: d.id,
    created_at: d.createdAt,
    modified_at: d.modifiedAt,
    type: 1 + (d.n % 3),
    description: awkward(d.h),
    worker: {
      strategy: 2 + (d.n % 3),
      user_ids: people.map((each) => each['id']),
      users: people,
      workers: people.map((user) => ({user})),
      type: 1,
    },
    input_source: {type: 3, id: 'spring'},
    review: {strategy: 2, user_ids: ['maria'], users: [person('maria')]},
    status: {code: [54001, 54002, 54006, 54005][d.n % 4]},
    name: `Task ${d.n}`,
    visibility: {gettable: 10},
    ...owner(d),
    ...(d.n % 3 === 2 ? {label_order_id: `order-${d.n}`} : {}),
    concepts: [{concept: concept('leaf-0', d)}],
    priority: 2,
    metadata: {lot: d.h % 90},
  };
}

/** Counts of the work on a task, by who does it. */
const taskCounts = (name: string, what: string): Resource => ({
  name,
  scope: 'app',
  parent: 'tasks',
  path: `tasks/{task_id}/${what}/count`,
  field: 'counts',
  isSingle: true,
  make: (d) => ({
    pending: d.h % 9,
    awaiting_review: 0,
    success: d.h % 70,
    review_denied: 0,
    awaiting_consensus_review: 0,
    worker: worker(d),
  }),
  keyOf: (record) => workerKey(record['worker'] as Json),
});

const PROGRESS = {image_inputs_count: '120', completed_archives_count: '1'};

export const APP_RESOURCES: readonly Resource[] = [
  {
    name: 'concept_counts',
    scope: 'app',
    path: 'concepts/status',
    field: 'concept_counts',
    derive: (tables) =>
      (tables.place.counts['concept_counts'] ?? 0) === 0
        ? []
        : [...tables.keys('concepts')].map(([id], n) => ({
            id,
            name: id,
            concept_type_count: {positive: n * 3, negative: n % 2},
            detail_concept_count: {processed: {positive: n * 3, negative: n % 2}, errors: {positive: 0, negative: 0}},
          })),
  },
  {
    name: 'concept_relations',
    scope: 'app',
    path: 'concepts/relations',
    field: 'concept_relations',
    make: (d) => ({
      id: d.id,
      subject_concept: concept(`leaf-${d.n}`, d),
      object_concept: concept(`stem-${d.n}`, d),
      predicate: ['hypernym', 'hyponym', 'synonym'][d.n % 3],
      ...(d.n % 2 === 0 ? {knowledge_graph_id: 'graph-0'} : {}),
      visibility: {gettable: 10},
    }),
  },
  {
    name: 'knowledge_graphs',
    scope: 'app',
    path: 'concepts/knowledge_graphs',
    field: 'knowledge_graphs',
    isSingle: true,
    make: (d) => ({id: `graph-${d.n}`, name: awkward(d.h), description: 'Plants', examples_app_id: d.appId}),
  },
  {
    name: 'concept_languages',
    scope: 'app',
    parent: 'concepts',
    path: 'concepts/{concept_id}/languages',
    field: 'concept_languages',
    one: 'concept_language',
    make: (d) => ({
      id: ['de', 'ja', 'ar', 'fr'][d.n] ?? `x-${d.n}`,
      name: awkward(d.h),
      definition: awkward(d.h >>> 3),
    }),
  },
  {
    name: 'annotation_workers',
    scope: 'app',
    path: 'annotations/workers',
    field: 'workers',
    make: worker,
    keyOf: workerKey,
  },
  {
    name: 'annotation_search_metrics',
    scope: 'app',
    path: 'annotations/searches/metrics',
    field: 'annotation_search_metrics',
    isSingle: true,
    omitEmpty: true,
    make: (d) => ({metrics: {id: d.id, status: {code: 43102}, summary: {macro_avg_f1_score: 0.5}}}),
    keyOf: (record) => [textOf(record, 'metrics', 'id')],
  },
  {
    name: 'annotation_filters',
    scope: 'app',
    path: 'annotation_filters',
    field: 'annotation_filters',
    one: 'annotation_filter',
    make: (d) => ({
      id: `filter-${d.n}`,
      created_at: d.createdAt,
      modified_at: d.modifiedAt,
      ...owner(d),
      search: {query: QUERY},
    }),
  },
  {
    name: 'searches',
    scope: 'app',
    path: 'searches',
    field: 'searches',
    one: 'search',
    omitEmpty: true,
    // Always there, always empty, and before the array that counts.
    lead: '"hits":[],',
    make: (d) => ({
      query: QUERY,
      id: d.id,
      application_id: d.appId,
      name: awkward(d.h),
      created_at: d.createdAt,
      modified_at: d.modifiedAt,
      algorithm: 'nearest_neighbor',
      save: true,
      metric: 2,
      visibility: {gettable: 10},
    }),
  },
  {
    name: 'dataset_version_metrics_groups',
    scope: 'app',
    parent: 'dataset_versions',
    path: 'datasets/{dataset_id}/versions/{dataset_version_id}/metrics',
    field: 'dataset_version_metrics_groups',
    isUnder: (version) => statusOf(version) === 64015,
    make: metricsGroup,
    keyOf: ({parent_path: path, type, value}) => [
      typeof path === 'string' ? path : '',
      String(type),
      value === undefined ? 'null' : JSON.stringify(value),
    ],
  },
  {
    name: 'inputs_add_jobs',
    scope: 'app',
    path: 'inputs/jobs/add',
    field: 'inputs_add_jobs',
    one: 'inputs_add_job',
    make: (d) => ({
      id: d.id,
      call_back_url: 'https://example.org/hook?secret=hook-secret',
      app_pat: 'pat-of-the-app',
      progress: d.n % 2 === 0 ? {success_count: '98', failed_count: '2'} : {pending_count: '18446744073709551615'},
      created_at: d.createdAt,
      modified_at: d.modifiedAt,
      extraction_jobs: [
        {id: `x-${d.n}`, status: {code: 64002}, url: 'https://example.org/a.zip?signature=secret-signature'},
      ],
      uploads: [
        {id: `u-${d.n}`, status: {code: 68001}, content_url: 'https://example.org/b.zip?signature=secret-signature'},
      ],
      status: {code: [64002, 64001, 64003][d.n % 3]},
    }),
  },
  {
    name: 'inputs_extraction_jobs',
    scope: 'app',
    path: 'inputs/jobs/extraction',
    field: 'inputs_extraction_jobs',
    one: 'inputs_extraction_job',
    omitEmpty: true,
    make: (d) => ({
      status: {code: [64002, 64000, 64006][d.n % 3]},
      id: d.id,
      url: 'https://example.org/a.zip?signature=secret-signature',
      progress: PROGRESS,
      created_at: d.createdAt,
      modified_at: d.modifiedAt,
      input_id_conflict_resolution: 2,
      input_template: {data: {metadata: {from: 'archive'}}},
    }),
  },
  {
    name: 'uploads',
    scope: 'app',
    path: 'uploads',
    field: 'uploads',
    one: 'upload',
    omitEmpty: true,
    make: (d) => ({
      id: d.id,
      created_at: d.createdAt,
      modified_at: d.modifiedAt,
      expires_at: '2030-01-01T00:00:00Z',
      status: {code: [68001, 68000, 68004][d.n % 3]},
      content_name: awkward(d.h),
      content_length: String(d.h),
      content_url: 'https://example.org/b.zip?signature=secret-signature',
    }),
  },
  {
    name: 'tasks',
    scope: 'app',
    path: 'tasks',
    field: 'tasks',
    one: 'task',
    hidden: {param: 'including_label_order_tasks', is: (record) => record['label_order_id'] !== undefined},
    make: task,
  },
  taskCounts('task_annotation_counts', 'annotations'),
  taskCounts('task_input_counts', 'inputs'),
  {
    name: 'task_input_samples',
    scope: 'app',
    parent: 'tasks',
    path: 'tasks/{task_id}/inputs/samples',
    field: 'hits',
    isSingle: true,
    make: (d) => ({
      score: 1,
      input: {id: `img-${d.n}`, data: {image: {url: `https://example.org/${d.n}.jpg`}}},
      ...(d.n % 2 === 0 ? {annotation: {id: `a-${d.n}`, input_id: `img-${d.n}`, worker: {user: person('maria')}}} : {}),
    }),
    keyOf: (record) => [textOf(record, 'input', 'id'), textOf(record, 'annotation', 'id')],
  },
  {
    name: 'label_orders',
    scope: 'app',
    path: 'label_orders',
    field: 'label_orders',
    one: 'label_order',
    make: (d) => ({
      id: `order-${d.n}`,
      name: awkward(d.h),
      status: {code: [55002, 55003, 55004][d.n % 3]},
      auto_release: true,
      desired_fulfill_time: '2030-01-01T00:00:00Z',
      task: task(d),
      created_at: d.createdAt,
      modified_at: d.modifiedAt,
    }),
  },
  {
    name: 'collaborators',
    scope: 'app',
    path: 'collaborators',
    field: 'collaborators',
    hidden: {param: 'list_all_collaborators', is: (record) => record['deleted_at'] !== undefined},
    make: (d) => ({
      id: d.id,
      app: {id: d.appId, user_id: d.userId},
      user: person(personOf(d.n)),
      scopes: ['Inputs_Get', 'Annotations_Get'],
      endpoints: [],
      created_at: d.createdAt,
      modified_at: d.modifiedAt,
      ...(d.n % 3 === 2 ? {deleted_at: d.modifiedAt} : {}),
    }),
  },
  {
    name: 'modules',
    scope: 'app',
    path: 'modules',
    field: 'modules',
    one: 'module',
    hasBookmarks: true,
    make: (d) => ({
      id: `module-${d.n}`,
      description: awkward(d.h),
      created_at: d.createdAt,
      modified_at: d.modifiedAt,
      visibility: {gettable: 10},
      metadata: {n: d.n},
      ...owner(d),
      star_count: d.h % 3,
      ...bookmark(d, 4),
    }),
    show: withNewest('module_version', 'module_versions'),
  },
  {
    name: 'module_versions',
    scope: 'app',
    parent: 'modules',
    path: 'modules/{module_id}/versions',
    field: 'module_versions',
    one: 'module_version',
    make: (d) => ({
      id: `${d.n}_0_0`,
      module_id: d.parentKey[0],
      ...owner(d),
      description: awkward(d.h),
      created_at: d.createdAt,
      modified_at: d.modifiedAt,
      git_commit_url: `https://example.org/commit/${d.h}`,
      approved: true,
      visibility: {gettable: 10},
    }),
  },
  {
    name: 'installed_module_versions',
    scope: 'app',
    path: 'installed_module_versions',
    field: 'installed_module_versions',
    one: 'installed_module_version',
    make: (d) => ({
      id: `installed-${d.n}`,
      module_version: {id: '0_0_0', module_id: 'module-0', ...owner(d)},
      ...owner(d),
      created_at: d.createdAt,
      modified_at: d.modifiedAt,
      deploy_url: 'https://example.org/app',
      visibility: {gettable: 10},
      key_id: 'key-that-is-a-secret',
    }),
  },
  {
    name: 'collectors',
    scope: 'app',
    path: 'collectors',
    field: 'collectors',
    one: 'collector',
    omitEmpty: true,
    make: (d) => ({
      id: `collector-${d.n}`,
      description: awkward(d.h),
      created_at: d.createdAt,
      pre_queue_workflow_id: 'workflow-0',
      collector_source: {
        api_post_model_outputs_collector_source: {model_id: 'model-0', post_inputs_key_id: 'key-that-is-a-secret'},
      },
      status: {code: 10000},
      collect_outputs: true,
    }),
  },
];

/** A group of each sort of value: text, whole number, fraction, object; the first of all under no path. */
function metricsGroup(d: Draw): Json {
  const metrics = {inputs_count: String(d.h % 1000), regions_count: '18446744073709551'};
  const path = '/INPUT_TYPE:image';
  switch (d.n % 4) {
    case 0:
      return {...(d.n === 0 ? {} : {parent_path: `/${d.n}`}), type: 2, value: WORDS[d.n % WORDS.length], metrics};
    case 1:
      return {parent_path: path, type: 11, value: d.n, metrics};
    case 2:
      return {parent_path: path, type: 31, value: d.n / 8, metrics};
    default:
      return {parent_path: path, type: 10, value: {concept_id: `leaf-${d.n}`, user_id: d.userId}, metrics};
  }
}
