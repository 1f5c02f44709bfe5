import {z} from 'zod';

/** How the API behaves where its documentation leaves it open. May be changed while the simulator runs. */
export const settingsSchema = z.strictObject({
  /** Largest `page * per_page` of a search; 0 for no limit. */
  pagingCap: z.number().int().min(0),
  /** Which annotations a time-ranged search finds besides the trusted, finished, region-level ones. */
  searchCoversUntrusted: z.boolean(),
  searchCoversPending: z.boolean(),
  searchCoversInputLevel: z.boolean(),
  /** How long a change of an annotation takes to show in search, ms of the simulator's clock. */
  searchDelayMs: z.number().min(0),
  /** Does a hit hold the whole annotation, or only ids, status and modified_at? */
  searchHits: z.enum(['full', 'bare']),
  /**
   * What StreamInputs does when `last_id` was deleted: answer 11101, an empty page, go on from where it stood, go on
   * from some place further on, or begin again.
   */
  lastIdDeleted: z.enum(['error', 'empty', 'continue', 'jump', 'restart']),
  /** What GET /inputs?ids= does about ids that do not exist. */
  missingIds: z.enum(['omit', 'error']),
  /** Largest `per_page`; above it the request is refused with 11102. */
  maxPerPage: z.number().int().min(1),
  datasetModifiedByMembers: z.boolean(),
  inputModifiedByAnnotations: z.boolean(),
  /** Leave the marker out of GetApp. */
  markerAbsent: z.boolean(),
  /** Does the marker move again when a lingering deletion at last takes effect? */
  markerMovesAfterLinger: z.boolean(),
  /** Put behind hosted and signed addresses, which may differ between calls. */
  hostedSignature: z.string(),
  /** Refuse the credential from now on. */
  credentialRevoked: z.boolean(),
  /** Wait before each answer, ms. */
  latencyMs: z.number().min(0),
  /** Requests let through in any sliding second; 0 for no limit. */
  requestsPerSecond: z.number().min(0),
  /** Seconds named in `Retry-After` by the rate limit; null for no such header. */
  retryAfterSeconds: z.number().min(0).nullable(),
  /** Declared resources that the API does not offer, by name of the stream. */
  notOffered: z.array(z.string()),
  /** Compress answers for clients that accept gzip. */
  gzip: z.boolean(),
});

export type Settings = z.infer<typeof settingsSchema>;

/** A friendly API without limits; the search cap and the error for a deleted `last_id` are the hard cases. */
export const DEFAULT_SETTINGS: Settings = {
  pagingCap: 10_000,
  searchCoversUntrusted: true,
  searchCoversPending: true,
  searchCoversInputLevel: true,
  searchDelayMs: 0,
  searchHits: 'full',
  lastIdDeleted: 'error',
  missingIds: 'omit',
  maxPerPage: 1000,
  datasetModifiedByMembers: false,
  inputModifiedByAnnotations: false,
  markerAbsent: false,
  markerMovesAfterLinger: false,
  hostedSignature: '',
  credentialRevoked: false,
  latencyMs: 0,
  requestsPerSecond: 0,
  retryAfterSeconds: null,
  notOffered: [],
  gzip: false,
};
