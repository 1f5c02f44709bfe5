import {z} from 'zod';
import {parseMoment} from './instant.ts';
import {RESOURCES} from './resources/all-resources.ts';

const id = z.string().min(1);
const ids = z.array(id);
const code = z.number().int();
const metadata = z.record(z.string(), z.unknown());
const moment = z.string().refine((text) => parseMoment(text) !== null, 'must be an RFC 3339 time in UTC');
/** Streams with tables of their own in the simulator. */
const tableName = z.enum([
  'inputs',
  'annotations',
  'datasets',
  'dataset_inputs',
  'dataset_versions',
  'bulk_operations',
  'concepts',
]);
const resourceName = z.enum(RESOURCES.map(({name}) => name));
const streamName = z.union([tableName, resourceName]);

/** Streams that the simulator can tell the truth of, `apps` among them. */
export type SimulatedStream = z.infer<typeof streamName>;

/** Names of the streams, for reading them from a path. */
export const simulatedStreams = streamName;

/** One thing that happens to an app. The same over HTTP, as JSON, and in the process. */
export const changeSchema = z.discriminatedUnion('kind', [
  /** Adds inputs at the end or, with `before`, in the place before that input, as one added earlier but seen late. */
  z.strictObject({
    kind: z.literal('addInputs'),
    count: z.number().int().min(0).optional(),
    ids: ids.optional(),
    before: id.optional(),
    media: z.enum(['image', 'text', 'video', 'audio']).optional(),
    statusCode: code.optional(),
    metadata: metadata.optional(),
  }),
  /** Edits an input's metadata and, unless told not to, the input-level annotation that carries it. */
  z.strictObject({
    kind: z.literal('editInput'),
    id,
    metadata: metadata.optional(),
    annotationToo: z.boolean().optional(),
  }),
  /** 30000 finishes a pending input, 30002 fails it. */
  z.strictObject({kind: z.literal('setInputStatus'), id, statusCode: code}),
  /** Deletes inputs; with `lingerRequests` they are still there for so many requests. */
  z.strictObject({kind: z.literal('deleteInputs'), ids, lingerRequests: z.number().int().min(0).optional()}),
  /** Adds an input again under the id of one that was deleted. */
  z.strictObject({kind: z.literal('restoreInput'), id, metadata: metadata.optional()}),
  z.strictObject({
    kind: z.literal('addAnnotations'),
    inputId: id,
    count: z.number().int().min(0).optional(),
    ids: ids.optional(),
    trusted: z.boolean().optional(),
    inputLevel: z.boolean().optional(),
    statusCode: code.optional(),
    metadata: metadata.optional(),
  }),
  /** Edits an annotation; `modifiedAt` is the clock's unless given. */
  z.strictObject({
    kind: z.literal('editAnnotation'),
    inputId: id,
    id,
    statusCode: code.optional(),
    trusted: z.boolean().optional(),
    metadata: metadata.optional(),
    modifiedAt: moment.optional(),
  }),
  z.strictObject({kind: z.literal('deleteAnnotations'), inputId: id, ids}),
  z.strictObject({
    kind: z.literal('addDataset'),
    id: id.optional(),
    bookmarked: z.boolean().optional(),
    description: z.string().optional(),
    inputIds: ids.optional(),
  }),
  /** `starCount` and `silent` changes do not move modified_at. */
  z.strictObject({
    kind: z.literal('editDataset'),
    id,
    description: z.string().optional(),
    metadata: metadata.optional(),
    starCount: z.number().int().min(0).optional(),
    silent: z.boolean().optional(),
  }),
  /** Deletes a dataset with its versions and members. */
  z.strictObject({kind: z.literal('deleteDataset'), id}),
  z.strictObject({kind: z.literal('addDatasetInputs'), datasetId: id, inputIds: ids}),
  z.strictObject({kind: z.literal('removeDatasetInputs'), datasetId: id, inputIds: ids}),
  z.strictObject({kind: z.literal('addDatasetVersion'), datasetId: id, id: id.optional(), statusCode: code.optional()}),
  z.strictObject({
    kind: z.literal('editDatasetVersion'),
    datasetId: id,
    id,
    statusCode: code.optional(),
    description: z.string().optional(),
  }),
  z.strictObject({kind: z.literal('deleteDatasetVersion'), datasetId: id, id}),
  z.strictObject({
    kind: z.literal('addBulkOperation'),
    id: id.optional(),
    statusCode: code.optional(),
    operation: metadata.optional(),
  }),
  z.strictObject({kind: z.literal('editBulkOperation'), id, statusCode: code.optional(), processed: code.optional()}),
  z.strictObject({kind: z.literal('deleteBulkOperation'), id}),
  z.strictObject({kind: z.literal('addConcept'), id: id.optional(), name: z.string().optional()}),
  z.strictObject({kind: z.literal('editConcept'), id, name: z.string().optional()}),
  z.strictObject({kind: z.literal('deleteConcept'), id}),
  /**
   * Puts this text, or these bytes, in the place of a record, whatever they are; adds the record when there is none
   * under the key. The key is that of the catalogue: `[input_id, id]` for annotations, and so on.
   */
  z.strictObject({
    kind: z.literal('setRaw'),
    stream: tableName.exclude(['dataset_inputs']),
    key: ids,
    text: z.string().optional(),
    base64: z.base64().optional(),
  }),
  /** Adds a record of a declared resource under a parent, made like the others, with these members instead of its own. */
  z.strictObject({
    kind: z.literal('addRecord'),
    stream: resourceName,
    parent: ids.optional(),
    fields: metadata.optional(),
  }),
  /** Sets members of one; null takes a member away. Moves its modified_at. */
  z.strictObject({kind: z.literal('editRecord'), stream: resourceName, key: z.array(z.string()), fields: metadata}),
  z.strictObject({kind: z.literal('deleteRecord'), stream: resourceName, key: z.array(z.string())}),
  /** Moves the marker though nothing changed. */
  z.strictObject({kind: z.literal('moveMarker')}),
]);

export type Change = z.infer<typeof changeSchema>;

/** Change of one kind. */
export type ChangeOf<Kind extends Change['kind']> = Extract<Change, {kind: Kind}>;

/** What came of a change: the ids of the records that it touched. */
export interface ChangeResult {
  readonly ids: readonly string[];
}
