import {instantText} from './instant.ts';
import {hash32, hex8, mix32} from './random.ts';
import type {Owner, RecordState} from './record.ts';
import {stamps} from './record.ts';
import {geoText} from './render-input.ts';
import type {MediaKind} from './render-input.ts';
import {regionText} from './render-region.ts';

/** What is different about an annotation that was added or edited. */
export interface AnnotationState extends RecordState {
  /** Set for added ones; the input of a seeded one follows from its slot. */
  inputSlot?: number | undefined;
  trusted?: boolean | undefined;
  inputLevel?: boolean | undefined;
  /** What search shows until `visibleAtMs`: the version before (undefined: as seeded), or null for nothing yet. */
  before?: AnnotationState | null | undefined;
  visibleAtMs?: number | undefined;
}

/** All that an annotation's text is made of. */
export interface AnnotationFacts {
  readonly id: string;
  readonly slot: number;
  readonly inputId: string;
  readonly media: MediaKind;
  readonly createdUs: number;
  readonly modifiedUs: number;
  readonly trusted: boolean;
  readonly inputLevel: boolean;
  readonly statusCode: number;
  /** JSON text of the metadata of an input-level annotation, or '' for none. */
  readonly metadata: string;
  readonly revision: number;
  /** JSON text of one of the app's concepts with this value. */
  concept(h: number, value: string): string;
}

const ANNOTATION_INFO = ',"annotation_info":{"tool":"brush","zoom":1.5,"tags":[null,"a\\u0001b"]}';
const USERS = ['maria', 'jo', 'ines-ø'].map((id) => JSON.stringify(id));

/** Is a seeded annotation trusted? Those that people made are. */
export function seededTrusted(h: number): boolean {
  return (h >>> 3) % 10 < 6;
}

/** Status of a seeded annotation: most are done, some wait for review, a few failed or are pending. */
export function seededAnnotationStatus(h: number): number {
  const part = (h >>> 6) % 100;
  if (part >= 12) return 24150;
  return part < 8 ? 24157 : part < 10 ? 24151 : part === 10 ? 24158 : 24152;
}

/** JSON text of an annotation, as lists and single answers give it. */
export function renderAnnotation(owner: Owner, facts: AnnotationFacts): string {
  const h = mix32(hash32(owner.seed, facts.slot) ^ 0x6b8f13d5);
  const value = facts.trusted ? ((h & 15) === 0 ? '0' : '1') : String((1 + (h & 1023)) / 1024);
  const body = facts.inputLevel ? inputLevelData(facts, h, value) : regionText(facts, h, value);
  const edited = facts.revision === 0 ? '' : `,"annotation_info":{"edit":${facts.revision}}`;
  const info = edited === '' && (h & 63) === 5 ? ANNOTATION_INFO : edited;
  const times = stamps(instantText(facts.createdUs), instantText(facts.modifiedUs));
  const trusted = facts.trusted ? ',"trusted":true' : '';
  const level = facts.inputLevel ? ',"input_level":true' : '';
  return `{"id":${JSON.stringify(facts.id)},"input_id":${JSON.stringify(facts.inputId)},"data":${body}${info}${workerText(owner, facts, h)},"status":${statusText(facts.statusCode)}${times}${trusted}${level}${taskText(h)}}`;
}

function inputLevelData(facts: AnnotationFacts, h: number, value: string): string {
  const metadata = facts.metadata === '' ? '' : `,"metadata":${facts.metadata}`;
  const geo = (h & 0x70) === 0 ? `,"geo":${geoText(h)}` : '';
  return `{"concepts":[${facts.concept(h, value)}]${metadata}${geo}}`;
}

function workerText(owner: Owner, facts: AnnotationFacts, h: number): string {
  if (facts.trusted) {
    const user = USERS[h % USERS.length] as string;
    return `,"user_id":${user},"worker":{"user":{"id":${user}}}`;
  }
  const app = `"app_id":${owner.appJson},"user_id":${owner.userJson}`;
  if ((h & 3) === 0) {
    return `,"user_id":${owner.userJson},"worker":{"workflow":{"id":"auto-label",${app},"version":{"id":"${hex8(owner.seed)}","workflow_id":"auto-label"}}}`;
  }
  const version = hex8(owner.seed ^ (h & 3));
  return `,"user_id":${owner.userJson},"model_version_id":"${version}","worker":{"model":{"id":"detector",${app},"model_version":{"id":"${version}"}}}`;
}

function statusText(code: number): string {
  return code === 24150 ? '{"code":24150,"description":"Success"}' : `{"code":${code}}`;
}

function taskText(h: number): string {
  return (h & 3) === 1 ? `,"task_id":"task-${(h >>> 2) % 9}"` : '';
}
