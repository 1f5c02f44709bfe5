import {awkward} from '../words.ts';
import {person} from './app-resources.ts';
import type {Resource} from './resource.ts';

const CODES = [10000, 10010, 11005, 11101, 30000, 30001, 30002, 64015, 21100, 21200, 24150, 25400, 54001, 68001];
const LICENSES = ['MIT', 'Apache-2.0', 'BSD-3-Clause', 'GPL-3.0 "or later"'];

/** What belongs to the user, and what is the same for everybody. */
export const SHARED_RESOURCES: readonly Resource[] = [
  {
    name: 'collaborations',
    scope: 'user',
    path: 'collaborations',
    field: 'collaborations',
    make: (d) => ({
      app: {id: `shared-${d.n}`, user_id: 'other', name: awkward(d.h), star_count: d.h % 3},
      app_owner: person('other'),
      scopes: ['Inputs_Get'],
      endpoints: [],
      created_at: d.createdAt,
    }),
    keyOf: (record) => {
      const app = record['app'] as {id: string; user_id: string};
      return [app.user_id, app.id];
    },
  },
  {
    name: 'runners',
    scope: 'user',
    path: 'runners',
    field: 'runners',
    one: 'runner',
    make: (d) => ({
      id: d.id,
      description: awkward(d.h),
      created_at: d.createdAt,
      modified_at: d.modifiedAt,
      metadata: {n: d.n},
      worker: {model: {id: 'model-0', app_id: 'plants', user_id: d.userId, model_version: {id: 'mv-1'}}},
      compute_info: {cpu_limit: '1', num_accelerators: 0},
      num_replicas: d.h % 4,
    }),
  },
  {
    name: 'app_duplications',
    scope: 'user',
    path: 'duplications',
    field: 'app_duplications',
    one: 'app_duplication',
    omitEmpty: true,
    make: (d) => ({
      id: d.id,
      destination_app: {id: `copy-${d.n}`, user_id: d.userId, star_count: d.h % 3},
      status: {code: [25200, 25203][d.n % 2]},
      created_at: d.createdAt,
      last_modified_at: d.modifiedAt,
      filter: {copy_inputs: true, copy_concepts: true},
      progress: [{field: 'inputs', value: d.h % 100}],
    }),
  },
  {
    name: 'model_types',
    scope: 'global',
    path: 'models/types',
    field: 'model_types',
    one: 'model_type',
    make: (d) => ({
      id: `type-${d.n}`,
      title: awkward(d.h),
      description: 'A type',
      input_fields: ['image'],
      output_fields: ['concepts'],
      trainable: d.n % 2 === 0,
      creatable: true,
    }),
  },
  {
    name: 'status_codes',
    scope: 'global',
    path: 'status_codes',
    field: 'statuses',
    one: 'status_code',
    isSingle: true,
    omitEmpty: true,
    make: (d) => ({code: CODES[d.n] ?? 60000 + d.n, description: awkward(d.h)}),
    keyOf: (record) => [String(record['code'])],
  },
  {
    name: 'open_source_licenses',
    scope: 'global',
    path: 'open_source_licenses',
    field: 'licenses',
    isSingle: true,
    omitEmpty: true,
    plainMember: 'value',
    make: (d) => ({value: LICENSES[d.n] ?? `Licence ${d.n}`}),
    keyOf: (record) => [String(record['value'])],
  },
];
