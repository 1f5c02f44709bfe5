import type {Path} from '../core/shape.ts';
import type {Stream} from './stream.ts';

/** What the settings add to a stream's declaration. */
export interface StreamOverlay {
  /** Taken out of each record before anything is stored, hashed, listed or logged. */
  readonly redact: readonly Path[];
  /** Changes here are no changes of the record. */
  readonly exclude: readonly Path[];
}

/** A path as it is written: member names with dots between, `*` for every element or member. */
export const pathOf = (text: string): Path => text.split('.');

/** Gives each stream with what the settings add to it; the same object each time, so that what is made of it is kept. */
export function overlaid(overlays: ReadonlyMap<string, StreamOverlay>): (stream: Stream) => Stream {
  const made = new Map<string, Stream>();
  return (stream) => {
    const overlay = overlays.get(stream.name);
    if (overlay === undefined) return stream;
    const known = made.get(stream.name);
    if (known !== undefined) return known;
    const {redact, volatile} = stream.shape;
    const shape = {
      ...stream.shape,
      redact: [...redact, ...overlay.redact],
      volatile: [...volatile, ...overlay.exclude],
    };
    const fresh = {...stream, shape};
    made.set(stream.name, fresh);
    return fresh;
  };
}

/** Why a place cannot be redacted or excluded, as the end of a sentence; null where it can. */
export function overlayProblem(
  {shape, pendingCodes, name}: Stream,
  kind: keyof StreamOverlay,
  path: Path,
): string | null {
  if (path.some((part) => part === '')) return 'a path has names with single dots between them';
  const covers = (other: Path): boolean =>
    path.length <= other.length && path.every((part, i) => part === '*' || part === other[i]);
  for (const part of shape.key) {
    const places =
      part.from === 'record' ? [part.path] : part.from === 'choice' ? part.choices.map((each) => each.path) : [];
    if (places.some(covers)) return `it holds the key part ${part.name}, which tells records apart`;
  }
  const owner = shape.owner === undefined ? [] : [shape.owner.userId, shape.owner.appId];
  if (owner.some(covers)) return 'it tells whose the record is';
  if (kind === 'exclude') return null;
  if (shape.modifiedAt !== null && covers(shape.modifiedAt)) return 'it tells which of two answers is the newer one';
  const status = shape.columns.find((column) => column.name === 'status_code');
  if (pendingCodes.length > 0 && status !== undefined && covers(status.path))
    return 'it tells which records are not final yet';
  if (name === 'annotations' && covers(['input_level'])) return 'it tells which annotations change their input';
  return null;
}
