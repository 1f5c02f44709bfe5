import {instantText} from './instant.ts';
import {hash32, hex8, mix32} from './random.ts';
import type {Owner, RecordState} from './record.ts';
import {stamps} from './record.ts';
import {metadataText} from './words.ts';

export type MediaKind = 'image' | 'text' | 'video' | 'audio';

/** What is different about an input that was added or edited. */
export interface InputState extends RecordState {
  media?: MediaKind | undefined;
}

/** All that an input's text is made of. */
export interface InputFacts {
  readonly id: string;
  readonly slot: number;
  readonly createdUs: number;
  readonly modifiedUs: number;
  readonly media: MediaKind;
  readonly statusCode: number;
  /** JSON text of an object, or '' for none. */
  readonly metadata: string;
  /** Added to hosted addresses, which real ones may vary between calls; '' for none. */
  readonly hostedSignature: string;
}

const STATUS_TEXT: Readonly<Record<number, string>> = {
  30000: '{"code":30000,"description":"Download complete"}',
  30001: '{"code":30001,"description":"Download pending"}',
  30002:
    '{"code":30002,"description":"Download failed; check URL","details":"404 Client Error: Not Found for url: https://media.example.org/missing"}',
  30003: '{"code":30003,"description":"Download in progress"}',
};
const SIZES = {
  image: '["orig","tiny","small","large"]',
  video: '["orig","thumbnail"]',
  text: '["orig"]',
  audio: '["orig"]',
};

/** Kind of medium of a seeded input: seven in ten are images. */
export function seededMedia(h: number): MediaKind {
  const tenth = (h >>> 4) % 20;
  if (tenth < 14) return 'image';
  return tenth < 17 ? 'text' : tenth < 19 ? 'video' : 'audio';
}

/** Status of a seeded input: one in 100 failed, one in 500 is still on its way. */
export function seededInputStatus(h: number): number {
  const part = (h >>> 7) % 1000;
  if (part >= 12) return 30000;
  return part < 10 ? 30002 : part === 10 ? 30001 : 30003;
}

/** JSON text of an input, as lists and single answers give it. */
export function renderInput(owner: Owner, facts: InputFacts): string {
  const h = hash32(owner.seed, facts.slot);
  const metadata = facts.metadata === '' ? '' : `,"metadata":${facts.metadata}`;
  const geo = (h & 0x700) === 0 ? `,"geo":${geoText(h)}` : '';
  const media = `"${facts.media}":${mediaText(owner, facts, h)}`;
  const times = stamps(instantText(facts.createdUs), instantText(facts.modifiedUs));
  const status = STATUS_TEXT[facts.statusCode] ?? `{"code":${facts.statusCode}}`;
  return `{"id":${JSON.stringify(facts.id)},"data":{${media}${metadata}${geo}}${times},"status":${status}}`;
}

/** Metadata of a seeded input, or of one that was edited without saying how. */
export function inputMetadata(owner: Owner, slot: number, state: InputState | undefined): string {
  if (state?.metadata !== undefined) return state.metadata;
  const revision = state?.revision ?? 0;
  const h = hash32(owner.seed, slot);
  return revision === 0 ? metadataText(mix32(h)) : `{"site":"north","lot":${h % 5000},"edit":${revision}}`;
}

/** A point on the globe, zero coordinates included. */
export function geoText(h: number): string {
  return `{"geo_point":{"longitude":${((h >>> 3) % 3600) / 10 - 180},"latitude":${((h >>> 5) % 1800) / 10 - 90}}}`;
}

function mediaText(owner: Owner, facts: InputFacts, h: number): string {
  const url = `"url":"https://media.example.org/${encodeURIComponent(owner.appId)}/${hex8(h)}/${facts.slot}"`;
  if (facts.statusCode !== 30000) return `{${url}}`;
  const g = mix32(h ^ 0x2f4a91c3);
  const hash = hex8(g) + hex8(h) + hex8(mix32(g)) + hex8(g ^ h);
  const suffix = `users/${encodeURIComponent(owner.userId)}/apps/${encodeURIComponent(owner.appId)}/inputs/${facts.media}/${hash}${facts.hostedSignature}`;
  const hosted = `"hosted":{"prefix":"https://data.clarifai.com","suffix":${JSON.stringify(suffix)},"sizes":${SIZES[facts.media]},"crossorigin":"use-credentials"}`;
  return `{${url},${hosted},${mediaInfo(facts.media, h)}}`;
}

function mediaInfo(media: MediaKind, h: number): string {
  const width = 64 + ((h >>> 3) % 4000);
  const seconds = 1 + (h % 600);
  switch (media) {
    case 'image':
      return `"image_info":{"width":${width},"height":${64 + ((h >>> 9) % 3000)},"format":"JPEG","color_mode":"YUV"}`;
    case 'text':
      return `"text_info":{${h % 50 === 0 ? '' : `"char_count":${h % 9000},`}"encoding":"UTF8"}`;
    case 'video':
      return `"video_info":{"width":${width},"height":720,"fps":29.97,"video_format":"AVC","bit_rate":1500000,"frame_count":${seconds * 30},"duration_seconds":${seconds}}`;
    case 'audio':
      return `"audio_info":{"audio_format":"MPEG Audio","sample_rate":44100,"duration_seconds":${seconds}.5,"bit_rate":128000}`;
  }
}
