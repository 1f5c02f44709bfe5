import {instantText} from './instant.ts';
import {hex8} from './random.ts';
import type {Owner, RecordState} from './record.ts';
import {stamps} from './record.ts';
import {metadataText} from './words.ts';

/** What is different about a dataset version that was added or moved on. */
export interface VersionState extends RecordState {
  /** Members of the dataset when the version was made. */
  inputCount?: number | undefined;
  description?: string | undefined;
}

/** All that a dataset version's text is made of. */
export interface VersionFacts {
  readonly id: string;
  readonly datasetId: string;
  /** Scattered number of this version. */
  readonly h: number;
  readonly createdUs: number;
  readonly modifiedUs: number;
  readonly statusCode: number;
  readonly inputCount: number;
  readonly revision: number;
  /** Added to the addresses of exports, which are signed anew for each answer; '' for none. */
  readonly signature: string;
}

/** Status of a seeded version: the newest of a dataset may be on its way, older ones are ready or failed. */
export function seededVersionStatus(h: number, isNewest: boolean): number {
  if (isNewest && h % 4 === 0) return h % 8 === 0 ? 64005 : 64010;
  return h % 11 === 0 ? 64020 : 64015;
}

/** JSON text of a dataset version: metrics and exports only when it is ready. */
export function renderVersion(owner: Owner, facts: VersionFacts, state: VersionState | undefined): string {
  const {h} = facts;
  const ready = facts.statusCode === 64015;
  const metadata = state?.metadata ?? metadataText(h);
  const description = state?.description ?? (facts.revision > 0 ? `Edited ${facts.revision} times` : '');
  const parts = [
    `"id":${JSON.stringify(facts.id)}${stamps(instantText(facts.createdUs), instantText(facts.modifiedUs))}`,
    `"app_id":${owner.appJson},"user_id":${owner.userJson},"dataset_id":${JSON.stringify(facts.datasetId)}`,
    h % 7 === 0
      ? `"model_predict_config":{"model":{"id":"detector","app_id":${owner.appJson},"user_id":${owner.userJson},"model_version":{"id":"${hex8(owner.seed)}"}}}`
      : `"annotation_filter_config":{"annotation_filter":{"id":"trusted-only","app_id":${owner.appJson},"user_id":${owner.userJson}}}`,
    `"status":{"code":${facts.statusCode}${facts.statusCode === 64020 ? ',"description":"Dataset version failed","details":"out of memory"' : ''}}`,
    description === '' ? '' : `"description":${JSON.stringify(description)}`,
    ready ? `"metrics":${metricsText(facts)}` : '',
    ready && h % 3 !== 0 ? `"export_info":${exportText(facts)}` : '',
    metadata === '' ? '' : `"metadata":${metadata}`,
    '"visibility":{"gettable":10}',
    h % 5 === 0 ? `"embed_model_version_ids":["${hex8(h)}"]` : '',
    `"request_origin":${1 + (h % 4)}`,
  ];
  return `{${parts.filter((part) => part !== '').join(',')}}`;
}

/** 64-bit counts are strings; a wrapper that is set to zero shows as "0". */
function metricsText({h, inputCount}: VersionFacts): string {
  const images = Math.floor(inputCount * 0.7);
  const regions = inputCount * 4 + (h % 100);
  const whole = `{"inputs_count":"${inputCount}","unlabeled_inputs_count":"${h % 3 === 0 ? 0 : h % 50}","regions_count":"${regions}","region_location_matrix":{"n_cols":"2","data":["${regions}","0","${h}","18446744073709551615"]},"bounding_boxes_count":"${regions - (h % 90)}","polygons_count":"${h % 90}","positive_region_tags_count":"${regions}"}`;
  return `{"/":${whole},"/INPUT_TYPE:image":{"inputs_count":"${images}"}}`;
}

function exportText({h, signature}: VersionFacts): string {
  const url = (name: string): string =>
    JSON.stringify(`https://data.clarifai.com/exports/${hex8(h)}/${name}.zip${signature}`);
  const done = `{"format":1,"status":{"code":64200},"url":${url('protobuf')},"size":"${48_000_000 + (h % 1_000_000)}"}`;
  const json =
    h % 2 === 0 ? `,"clarifai_data_json":{"format":3,"status":{"code":64200},"url":${url('json')},"size":"${h}"}` : '';
  return `{"clarifai_data_protobuf":${done}${json},"coco":{"format":2,"status":{"code":${h % 3 === 1 ? 64203 : 64202}}}}`;
}
