import {instantText} from './instant.ts';
import {hash32, hex8} from './random.ts';
import type {Owner, RecordState} from './record.ts';
import {stamps} from './record.ts';
import {awkward, metadataText} from './words.ts';

/** What is different about a dataset that was added or edited. */
export interface DatasetState extends RecordState {
  bookmarked?: boolean | undefined;
  description?: string | undefined;
  starCount?: number | undefined;
}

/** All that a dataset's text is made of. */
export interface DatasetFacts {
  readonly id: string;
  readonly slot: number;
  readonly createdUs: number;
  readonly modifiedUs: number;
  readonly bookmarked: boolean;
  /** JSON text of its newest version, or '' when it has none. */
  readonly version: string;
}

/** JSON text of a dataset with its newest version embedded. */
export function renderDataset(owner: Owner, facts: DatasetFacts, state: DatasetState | undefined): string {
  const h = hash32(owner.seed, facts.slot);
  const metadata = state?.metadata ?? metadataText(h | 1);
  const description = state?.description ?? descriptionText(h, state?.revision ?? 0);
  const stars = state?.starCount ?? h % 3;
  const parts = [
    `"id":${JSON.stringify(facts.id)}${stamps(instantText(facts.createdUs), instantText(facts.modifiedUs))}`,
    `"app_id":${owner.appJson},"user_id":${owner.userJson}`,
    description === '' ? '' : `"description":${JSON.stringify(description)}`,
    metadata === '' ? '' : `"metadata":${metadata}`,
    `"visibility":{"gettable":${h % 4 === 0 ? 50 : 10}}`,
    stars === 0 ? '' : `"star_count":${stars}`,
    facts.version === '' ? '' : `"version":${facts.version}`,
    h % 3 === 0 ? `"default_processing_info":{"frame_interpolation_info":{"sample_ms":${100 + (h % 900)}}}` : '',
    facts.bookmarked
      ? `"bookmark_origin":{"id":${JSON.stringify(`origin-${hex8(h)}`)},"app_id":"main","user_id":"clarifai","resource_type":3}`
      : '',
  ];
  return `{${parts.filter((part) => part !== '').join(',')}}`;
}

function descriptionText(h: number, revision: number): string {
  if (revision > 0) return `Edited ${revision} times`;
  return h % 5 === 0 ? '' : `Set of ${awkward(h)}`;
}
