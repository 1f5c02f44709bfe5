// Records per second of what is being read, from one look to the next.

const WINDOW_MS = 8_000;
/** @type {Map<string, {atMs: number, read: number}[]>} */
let looks = new Map();

/** Takes in a look at the runs under way. @param {{now: string, scopes: readonly any[]}} overview */
export function look({now, scopes}) {
  const atMs = Date.parse(now);
  const next = new Map();
  for (const {current} of scopes) {
    for (const {stream, read} of current?.streams ?? []) {
      const key = `${current.run_id} ${stream}`;
      const kept = (looks.get(key) ?? []).filter((each) => atMs - each.atMs <= WINDOW_MS && each.atMs < atMs);
      next.set(key, [...kept, {atMs, read}]);
    }
  }
  looks = next;
}

/** null while it has been seen only once. @param {string} runId @param {string} stream */
export function perSecond(runId, stream) {
  const seen = looks.get(`${runId} ${stream}`) ?? [];
  const [first, last] = [seen[0], seen.at(-1)];
  if (first === undefined || last === undefined || last.atMs - first.atMs < 500) return null;
  return ((last.read - first.read) * 1_000) / (last.atMs - first.atMs);
}
