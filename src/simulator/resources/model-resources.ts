import {statusOf, type Draw, type Json, type Resource} from './resource.ts';
import type {ResourceTables} from './resource-tables.ts';
import {awkward, WORDS} from '../words.ts';

const MAIN = {app_id: 'main', user_id: 'clarifai'};

const owner = ({userId, appId}: Draw): Json => ({app_id: appId, user_id: userId});

/** Every fifth one is a bookmark of somebody else's. */
export const bookmark = (d: Draw, type: number): Json =>
  d.n % 5 === 4 ? {bookmark_origin: {id: `origin-${d.h}`, ...MAIN, resource_type: type}} : {};

/** A parent with its newest child, which the API embeds in it. */
export function withNewest(member: string, children: string) {
  return (record: Json, key: readonly string[], tables: ResourceTables): Json => {
    const newest = tables.under(tables.named(children), key).at(-1);
    return newest === undefined ? record : {...record, [member]: newest.record};
  };
}

function model(d: Draw): Json {
  return {
    id: `model-${d.n}`,
    name: awkward(d.h),
    created_at: d.createdAt,
    modified_at: d.modifiedAt,
    ...owner(d),
    model_type_id: d.n % 2 === 0 ? 'visual-classifier' : 'visual-detector',
    task: 'visual-classification',
    visibility: {gettable: 10},
    description: `Finds ${WORDS[d.h % WORDS.length]}`,
    metadata: {team: d.h % 7},
    toolkits: [],
    use_cases: ['general'],
    languages: [],
    check_consents: [],
    star_count: d.h % 4,
    license_type: 1,
    version_count: d.h % 9,
    replica_count: d.h % 2,
    ...bookmark(d, 1),
  };
}

function modelVersion(d: Draw): Json {
  const code = d.n === d.count - 1 && d.h % 3 === 0 ? 21101 : d.h % 11 === 0 ? 21106 : 21100;
  return {
    id: d.id,
    created_at: d.createdAt,
    modified_at: d.modifiedAt,
    ...(code === 21100 ? {completed_at: d.modifiedAt} : {}),
    status: {code, description: 'as it is'},
    active_concept_count: d.h % 50,
    total_input_count: d.h % 5000,
    description: awkward(d.h >>> 3),
    visibility: {gettable: 10},
    ...owner(d),
    metadata: {run: d.n},
    license: 'MIT',
    output_info: {output_config: {select_concepts: []}, params: {}},
    train_info: {
      params: {epochs: 3, rate: 0.125},
      dataset: {id: 'spring', ...owner(d), version: {id: `v-${d.n}`}, star_count: d.h % 3},
    },
    ...(code === 21100 ? {metrics: {status: {code: 21300}, summary: summary(d)}} : {}),
  };
}

const summary = (d: Draw): Json => ({
  macro_avg_roc_auc: (d.h % 64) / 64,
  macro_std_roc_auc: 0,
  macro_avg_f1_score: (d.h % 32) / 32,
  macro_std_f1_score: 0,
  macro_avg_precision: 0.5,
  macro_avg_recall: (d.h % 16) / 16,
  ...(d.h % 2 === 0 ? {mean_avg_precision_iou_50: 0.75} : {}),
});

const knownConcept = (d: Draw): Json => ({
  id: `${WORDS[d.n % WORDS.length]}-${d.n}`,
  name: WORDS[d.n % WORDS.length],
  value: 1,
  created_at: d.createdAt,
  language: 'en',
  ...(d.n % 3 === 2 ? MAIN : owner(d)),
});

function evaluation(d: Draw): Json {
  const code = ([21300, 21300, 21301, 21310] as const)[d.n % 4];
  return {
    id: d.id,
    status: {code, ...(code === 21310 ? {description: 'Model evaluation failed'} : {})},
    ...owner(d),
    model: {id: 'model-0', ...owner(d), star_count: d.h % 5, model_version: {id: `mv-${d.h % 100}`}},
    ground_truth_dataset: {id: 'spring', ...owner(d), version: {id: 'v-1'}, star_count: d.h % 3},
    predictions_dataset: {id: 'spring', ...owner(d), version: {id: 'v-2'}},
    summary: summary(d),
    eval_info: {params: {dataset_id: 'spring'}},
  };
}

/** What a GET of one evaluation adds when it is asked for. */
function withDetails(record: Json): Json {
  const concepts = ['leaf', 'stem'];
  return {
    ...record,
    confusion_matrix: {
      matrix: concepts.map((id) => ({predicted: id, actual: id, value: 0.875, predicted_concept: {id, value: 1}})),
      concept_ids: concepts,
    },
    label_counts: {
      positive_label_counts: concepts.map((id) => ({concept_name: id, count: 7, concept: {id, value: 1}})),
    },
    binary_metrics: concepts.map((id) => ({
      num_pos: 7,
      num_neg: 3,
      num_tot: 10,
      roc_auc: 0.5,
      f1: 0.25,
      concept: {id, value: 1},
    })),
    metrics_by_class: concepts.map((id) => ({
      num_pos: 7,
      num_neg: 0,
      num_tot: 7,
      roc_auc: 0,
      f1: 1,
      concept: {id, value: 1},
    })),
  };
}

const isTrained = (version: Json): boolean => statusOf(version) === 21100;

const versionPath = 'models/{model_id}/versions/{version_id}';

export const MODEL_RESOURCES: readonly Resource[] = [
  {
    name: 'models',
    scope: 'app',
    path: 'models',
    field: 'models',
    one: 'model',
    hasBookmarks: true,
    make: model,
    foreign: (d) => ({...model(d), ...MAIN, id: 'general-image-recognition', visibility: {gettable: 50}}),
    show: withNewest('model_version', 'model_versions'),
  },
  {
    name: 'model_versions',
    scope: 'app',
    parent: 'models',
    path: 'models/{model_id}/versions',
    field: 'model_versions',
    one: 'model_version',
    make: modelVersion,
  },
  {
    name: 'model_version_concepts',
    scope: 'app',
    parent: 'model_versions',
    path: `${versionPath}/concepts`,
    field: 'concepts',
    isUnder: isTrained,
    make: knownConcept,
  },
  {
    name: 'model_concepts',
    scope: 'app',
    parent: 'models',
    path: 'models/{model_id}/concepts',
    field: 'concepts',
    derive: (tables, key) => {
      const newest = tables.under(tables.named('model_versions'), key).at(-1);
      if (newest === undefined) return [];
      return tables.under(tables.named('model_version_concepts'), newest.key).map(({record}) => record);
    },
  },
  {
    name: 'model_version_input_examples',
    scope: 'app',
    parent: 'model_versions',
    path: `${versionPath}/input_examples`,
    field: 'model_version_input_examples',
    one: 'model_version_input_example',
    omitEmpty: true,
    make: (d) => ({
      id: `example-${d.n}`,
      model_id: d.parentKey[0],
      model_version_id: d.parentKey[1],
      data: {
        image: {url: `https://example.org/${d.h}.jpg`, hosted: {prefix: 'https://data.clarifai.com', suffix: d.id}},
      },
      name: awkward(d.h),
      description: 'An example',
    }),
  },
  {
    name: 'model_references',
    scope: 'app',
    parent: 'models',
    path: 'models/{model_id}/references',
    field: 'model_references',
    omitEmpty: true,
    make: (d) => ({
      id: `paper-${d.n}`,
      model_id: d.parentKey[0],
      url: `https://example.org/paper/${d.h}`,
      name: awkward(d.h),
      metadata: {year: 2020 + (d.h % 5)},
    }),
  },
  {
    name: 'evaluations',
    scope: 'app',
    path: 'evaluations',
    field: 'eval_metrics',
    one: 'eval_metrics',
    omitEmpty: true,
    hidden: {param: 'show_failed_metrics', is: (record) => statusOf(record) === 21310},
    make: evaluation,
    showOne: (record, query) => (query.get('fields.confusion_matrix') === 'true' ? withDetails(record) : record),
  },
  {
    // A GET of one evaluation with more fields: it has no list.
    name: 'evaluation_details',
    scope: 'app',
    parent: 'evaluations',
    path: null,
    field: 'eval_metrics',
    keyOf: () => [],
    derive: (tables, key) => {
      const kept = tables.find(tables.named('evaluations'), key);
      return kept !== undefined && statusOf(kept.record) === 21300 ? [withDetails(kept.record)] : [];
    },
  },
  {
    name: 'workflows',
    scope: 'app',
    path: 'workflows',
    field: 'workflows',
    one: 'workflow',
    hasBookmarks: true,
    make: workflow,
    foreign: (d) => ({...workflow(d), ...MAIN, id: 'General'}),
    show: withNewest('version', 'workflow_versions'),
  },
  {
    name: 'workflow_versions',
    scope: 'app',
    parent: 'workflows',
    path: 'workflows/{workflow_id}/versions',
    field: 'workflow_versions',
    one: 'workflow_version',
    make: (d) => ({
      id: d.id,
      workflow_id: d.parentKey[0],
      created_at: d.createdAt,
      modified_at: d.modifiedAt,
      visibility: {gettable: 10},
      nodes: nodes(d),
      metadata: {n: d.n},
      ...owner(d),
      description: awkward(d.h),
      license: 'MIT',
      ...(d.h % 4 === 0 ? {is_deprecated: true} : {}),
    }),
  },
];

function workflow(d: Draw): Json {
  return {
    id: `workflow-${d.n}`,
    created_at: d.createdAt,
    modified_at: d.modifiedAt,
    ...owner(d),
    nodes: nodes(d),
    metadata: {n: d.n},
    visibility: {gettable: 10},
    description: awkward(d.h),
    use_cases: ['general'],
    check_consents: [],
    star_count: d.h % 3,
    ...bookmark(d, 2),
  };
}

function nodes(d: Draw): readonly Json[] {
  const embedder = {id: 'embedder', ...MAIN, star_count: d.h % 9, model_version: {id: 'e1'}};
  return [
    {id: 'embed', model: embedder},
    {
      id: 'classify',
      model: {id: 'model-0', ...owner(d), model_version: {id: `mv-${d.h % 9}`}},
      node_inputs: [{node_id: 'embed'}],
    },
  ];
}
