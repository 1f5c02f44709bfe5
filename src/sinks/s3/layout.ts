import type {Scope} from '../../core/scope.ts';

/** A name as one segment of a key: percent-encoded where needed; an empty one is `_` (contract, section 6). */
export function segment(name: string): string {
  if (name === '') return '_';
  const encoded = encodeURIComponent(name).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  // `.` and `..` mean another folder, and a lone `_` the empty name.
  return /^(\.{1,2}|_)$/.test(encoded) ? encoded.replace(/[._]/g, (c) => (c === '.' ? '%2E' : '%5F')) : encoded;
}

const SEQUENCE_DIGITS = 12;

/** Keys of everything that is published for one scope, below the sink's prefix. */
export class ScopeLayout {
  readonly #scope: string;

  constructor({userId, appId}: Scope) {
    this.#scope = `user=${segment(userId)}/app=${segment(appId)}`;
  }

  /** Folder of a run's changes to a stream, with a slash at the end. */
  changes(stream: string, runId: string): string {
    return `${segment(stream)}/${this.#scope}/run=${runId}/`;
  }

  snapshot(stream: string, runId: string): string {
    return `${segment(stream)}/${this.#scope}/snapshot=${runId}/`;
  }

  /** Everything of a stream, with a slash at the end. */
  stream(stream: string): string {
    return `${segment(stream)}/${this.#scope}/`;
  }

  part(folder: string, index: number, extension: string): string {
    return `${folder}part-${String(index).padStart(5, '0')}.${extension}`;
  }

  /** Folder of the manifests, with a slash at the end. */
  manifests(): string {
    return `_manifests/${this.#scope}/`;
  }

  /** Beginning of the keys of all manifests of one run. */
  manifestsOf(sequence: number): string {
    return `${this.manifests()}${digits(sequence)}.`;
  }

  manifest(sequence: number): string {
    return `${this.manifests()}${digits(sequence)}.json`;
  }

  snapshotManifest(sequence: number): string {
    return `${this.manifests()}${digits(sequence)}.snapshot.json`;
  }

  streamManifest(sequence: number, stream: string): string {
    return `${this.manifests()}${digits(sequence)}.${segment(stream)}.json`;
  }

  latest(): string {
    return `_latest/${this.#scope}.json`;
  }
}

export const OWNER = '_owner.json';

/** In the place of OWNER where exports are: which store they are of. No feed is published beside them. */
export const EXPORT = '_export.json';

export type ManifestName =
  | {readonly kind: 'changes' | 'snapshot'; readonly sequence: number}
  | {readonly kind: 'stream'; readonly sequence: number; readonly stream: string};

/** What a key below `manifests()` is; null for anything that is none of ours. */
export function parseManifestKey(key: string): ManifestName | null {
  const match = /\/(\d{12,})\.(?:([^/]+)\.)?json$/.exec(key);
  if (match === null) return null;
  const sequence = Number(match[1]);
  if (match[2] === undefined) return {kind: 'changes', sequence};
  if (match[2] === 'snapshot') return {kind: 'snapshot', sequence};
  return {kind: 'stream', sequence, stream: decodeURIComponent(match[2])};
}

const digits = (sequence: number): string => String(sequence).padStart(SEQUENCE_DIGITS, '0');
