/**
 * What an operator can do about a failure, by its stable code: shown beside the message wherever a person reads it. The
 * one place; a test holds that every code of the program has its row.
 */
export const ADVICE: Readonly<Record<`SYNC_${string}`, string>> = {
  SYNC_BUG_ASSERTION: 'A defect of this program. What is committed is sound; report it with the log of the run.',
  SYNC_BUG_UNEXPECTED: 'Nobody foresaw this. What is committed is sound; look into the log of the run, and report it.',
  SYNC_CONFIG_INVALID: 'Correct the configuration at the place that the message names.',
  SYNC_HTTP_LISTEN: 'Set http.port, or end the program that listens there.',
  SYNC_QUEUE_REFUSED: 'Mend what the message names: the rights, the version, or maxmemory-policy of the Redis.',
  SYNC_QUEUE_UNAVAILABLE: 'See that the queue’s server answers; nothing that was asked for is lost.',
  SYNC_RUN_ACTIVE: 'Nothing: the run that is active does the work. This one can be asked for again afterwards.',
  SYNC_RUN_SIGINT: 'Nothing: it was ended from the keyboard. The next run goes on from there.',
  SYNC_RUN_SIGTERM: 'Nothing: its process was told to end. The next run goes on from there.',
  SYNC_RUN_STALLED:
    'Look whether the API and the store answer ("clarifai-sync check"). Where single requests take that long, raise run.stall_seconds.',
  SYNC_RUN_YIELDED: 'Nothing: what is fresh came first, and the run that the message names carries this one on.',
  SYNC_SINK_AHEAD: 'Nothing, if the store was restored from a backup: the next run fills the sink anew.',
  SYNC_SINK_OWNED: 'Use another place for this sink, or hand it over once with "clarifai-sync sync --take-over".',
  SYNC_SINK_REFUSED: 'Mend the settings or the rights of the sink as the message says; the next run catches up.',
  SYNC_SINK_STAGED_LOST: 'Nothing: the next run makes the objects anew. If it comes again, look for a life-cycle rule.',
  SYNC_SINK_UNAVAILABLE: 'See that the sink answers. It is behind until a later run gets through, and then catches up.',
  SYNC_SINK_UNKNOWN: 'The sink was taken out of the configuration during the run; the next one does without it.',
  SYNC_SOURCE_APP_UNKNOWN: 'Check user_id and app_id, and that the token’s owner may see the app.',
  SYNC_SOURCE_CREDENTIAL: 'Make a new personal access token and set CLARIFAI_PAT; "clarifai-sync check" tries it.',
  SYNC_SOURCE_CURSOR_STUCK: 'The API’s list does not move on. Try again; if it lasts, report it to Clarifai.',
  SYNC_SOURCE_GONE: 'The record or its parent was deleted while it was read. The next run sorts it out.',
  SYNC_SOURCE_NOT_OFFERED:
    'The API does not offer this to your account: leave the stream out of "streams" in the configuration.',
  SYNC_SOURCE_PAGE_TOO_LARGE: 'Set a smaller stream_options.NAME.page_size.',
  SYNC_SOURCE_PAGING_CAP: 'Read the stream as a list: stream_options.NAME.strategy: list.',
  SYNC_SOURCE_QUOTA: 'The account’s quota is used up, or the API is in maintenance. Later runs go on from there.',
  SYNC_SOURCE_REFUSED: 'The API refused the request for good. Look at the code in the message, and report it.',
  SYNC_SOURCE_SCOPE:
    'Give the token the scope for this stream, or leave the stream out of "streams" in the configuration.',
  SYNC_SOURCE_THROTTLED: 'Lower source.requests_per_second, if others use the same token. Later runs go on from there.',
  SYNC_SOURCE_UNAVAILABLE:
    'The API does not answer as it should. Later runs go on from there; see Clarifai’s status page.',
  SYNC_STORE_EMBEDDED: 'Do what the message says, or name a Postgres of your own in state.url.',
  SYNC_STORE_FENCE_LOST: 'Nothing: another worker took the task over, since this one was silent for too long.',
  SYNC_STORE_REFUSED: 'Mend what the message names: the server’s version, the address, or the rights.',
  SYNC_STORE_UNAVAILABLE: 'See that the store’s Postgres answers; the next run goes on from the last commit.',
};

/** What to do about a failure with this code; never empty. */
export function adviceFor(code: string): string {
  return (ADVICE as Readonly<Record<string, string>>)[code] ?? 'Look into the log of the run.';
}
