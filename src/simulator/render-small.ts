import {instantText} from './instant.ts';
import {hash32, hex8} from './random.ts';
import type {Owner, RecordState} from './record.ts';
import {awkward, metadataText, WORDS} from './words.ts';

/** What is different about a bulk operation that was added or moved on. */
export interface BulkOperationState extends RecordState {
  processed?: number | undefined;
  /** JSON text of the `operation` message. */
  operation?: string | undefined;
}

/** What is different about a concept that was added or edited. */
export interface ConceptState extends RecordState {
  name?: string | undefined;
}

const BULK_STATES = [25400, 25402, 25403, 25401, 25404, 25405, 25406];
const LANGUAGES = ['en', 'en', 'en', 'de', 'ja', 'ar'];

/** Status of a seeded bulk operation: every state there is, in turn. */
export function seededBulkStatus(slot: number): number {
  return BULK_STATES[slot % BULK_STATES.length] as number;
}

/** JSON text of a bulk operation. `progress.processed` is left out at zero, the empty `progress` is shown. */
export function renderBulkOperation(
  owner: Owner,
  facts: {id: string; slot: number; createdUs: number; modifiedUs: number; statusCode: number},
  state: BulkOperationState | undefined,
): string {
  const h = hash32(owner.seed, facts.slot);
  const processed = state?.processed ?? (facts.statusCode === 25402 ? 0 : 1 + (h % 900));
  const progress = processed === 0 ? '{}' : `{"processed":${processed},"last_processed_id":"${hex8(h)}"}`;
  const operation = state?.operation ?? operationText(owner, h);
  return `{"id":${JSON.stringify(facts.id)},${sourceText(h, operation)},"operation":${operation},"app_id":${owner.appJson},"status":{"code":${facts.statusCode}},"progress":${progress},"created_by":"maria","created_at":"${instantText(facts.createdUs)}","last_modified_at":"${instantText(facts.modifiedUs)}"}`;
}

/** JSON text of a concept. Every ninth belongs to Clarifai's own app. */
export function renderConcept(
  owner: Owner,
  facts: {id: string; slot: number; createdUs: number},
  state: ConceptState | undefined,
): string {
  const h = hash32(owner.seed, facts.slot);
  const name = state?.name ?? conceptName(facts.slot, h, state?.revision ?? 0);
  const foreign = state === undefined && facts.slot % 9 === 8;
  const ids = foreign ? '"app_id":"main"' : `"app_id":${owner.appJson}`;
  const user = foreign ? '"user_id":"clarifai"' : `"user_id":${owner.userJson}`;
  const definition = h % 6 === 0 ? `,"definition":${JSON.stringify(awkward(h >>> 4))}` : '';
  const metadata = metadataText(h);
  const language = LANGUAGES[h % LANGUAGES.length] as string;
  return `{"id":${JSON.stringify(facts.id)},"name":${JSON.stringify(name)},"value":1,"created_at":"${instantText(facts.createdUs)}","language":"${language}",${ids}${definition},"visibility":{"gettable":${foreign ? 50 : 10}},${user}${metadata === '' ? '' : `,"metadata":${metadata}`}}`;
}

/** Name of a seeded concept. */
export function conceptName(slot: number, h: number, revision: number): string {
  const name = h % 8 === 0 ? awkward(h >>> 3) : (WORDS[slot % WORDS.length] as string);
  return revision === 0 ? name : `${name} (edited ${revision})`;
}

function sourceText(h: number, operation: string): string {
  if (operation.startsWith('{"delete_annotations"')) {
    return '"annotation_search":{"query":{"filters":[{"annotation":{"trusted":true}}]}}';
  }
  switch (h % 3) {
    case 0:
      return `"input_ids":{"input_ids":["${hex8(h)}","${hex8(h ^ 1)}"]}`;
    case 1:
      return '"search":{"query":{"filters":[{"annotation":{"trusted":true}}]}}';
    default:
      return '"dataset":{"id":"spring"}';
  }
}

function operationText(owner: Owner, h: number): string {
  const concept = `{"id":"leaf-0","value":1,"app_id":${owner.appJson}}`;
  const texts = [
    `{"add_concepts":{"concepts":[${concept}]}}`,
    `{"delete_concepts":{"concepts":[${concept}]}}`,
    `{"add_metadata":{"metadata":{"lot":${h % 100}}}}`,
    '{"delete_metadata":{"metadata":{"lot":13}}}',
    '{"overwrite_geo":{"geo":{"geo_point":{"longitude":0,"latitude":52.5}}}}',
    '{"delete_geo":{}}',
    '{"delete_from_dataset":{"dataset_id":"spring"}}',
    '{"add_to_dataset":{"dataset_id":"spring"}}',
    '{"delete_annotations":{}}',
  ];
  return texts[h % texts.length] as string;
}
